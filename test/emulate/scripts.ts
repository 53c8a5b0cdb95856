/** Texts with their count in o200k_base; none of them was used to fit the weights. */
export const SCRIPTS: readonly { script: string; text: string; tokens: number }[] = [
  {
    script: "English prose",
    text: "Nobody in the village remembered who had built the bridge, but everyone agreed that it should be repaired before winter. The carpenter offered his timber, the smith offered his nails, and the baker, who had neither, offered breakfast to whoever would come and work on Saturday morning.",
    tokens: 54,
  },
  {
    script: "Markdown with code",
    text: "## Install\n\n1. Run `bun install`.\n2. Copy **.env.example** to `.env` and set `PORT=8080`.\n\n```ts\nexport function add(left: number, right: number): number {\n  return left + right;\n}\n```\n\n- It returns the sum.\n- See also [the guide](https://docs.example/guide).\n",
    tokens: 75,
  },
  {
    script: "JSON",
    text: '{"model":"LongCat","messages":[{"role":"user","content":"Hello"}],"stream":true,"temperature":0.7,"max_tokens":1024,"stop":null}',
    tokens: 38,
  },
  {
    script: "Simplified Chinese",
    text: "村里没有人记得是谁修了这座桥，但大家都同意应该在冬天之前把它修好。木匠拿出了木料，铁匠拿出了钉子，而面包师什么都没有，就答应给星期六早上来干活的人做早饭。这个项目的目标是提供一个简单易用的接口，让用户可以在自己的电脑上运行。",
    tokens: 87,
  },
  {
    script: "Japanese",
    text: "村の誰もその橋を誰が作ったのか覚えていなかったが、冬が来る前に直すべきだということでは皆の意見が一致した。大工は木材を、鍛冶屋は釘を出し、どちらも持たないパン屋は朝食を作ると約束した。",
    tokens: 80,
  },
  {
    script: "Korean",
    text: "마을에서 누가 그 다리를 놓았는지 기억하는 사람은 아무도 없었지만, 겨울이 오기 전에 고쳐야 한다는 데에는 모두가 동의했다. 목수는 나무를 내놓았고 대장장이는 못을 내놓았다.",
    tokens: 61,
  },
  {
    script: "Russian",
    text: "Никто в деревне не помнил, кто построил этот мост, но все согласились, что его нужно починить до зимы. Плотник предложил доски, кузнец предложил гвозди, а пекарь, у которого не было ни того ни другого, обещал завтрак.",
    tokens: 68,
  },
  {
    script: "German",
    text: "Niemand im Dorf wusste noch, wer die Brücke gebaut hatte, aber alle waren sich einig, dass sie vor dem Winter repariert werden musste. Der Zimmermann gab sein Holz, der Schmied seine Nägel, und der Bäcker versprach ein Frühstück.",
    tokens: 55,
  },
  {
    script: "French",
    text: "Personne au village ne se souvenait de qui avait construit le pont, mais tout le monde convenait qu'il fallait le réparer avant l'hiver. Le charpentier offrit son bois, le forgeron ses clous, et le boulanger promit un petit déjeuner.",
    tokens: 57,
  },
  {
    script: "Arabic",
    text: "لم يتذكر أحد في القرية من الذي بنى الجسر، لكن الجميع اتفقوا على أنه يجب إصلاحه قبل الشتاء. قدم النجار خشبه، وقدم الحداد مساميره، أما الخباز فوعد بالفطور لكل من يأتي للعمل.",
    tokens: 55,
  },
  {
    script: "Hindi",
    text: "गाँव में किसी को याद नहीं था कि पुल किसने बनाया था, लेकिन सब इस बात पर सहमत थे कि सर्दी से पहले उसकी मरम्मत होनी चाहिए। बढ़ई ने अपनी लकड़ी दी और लोहार ने अपनी कीलें दीं।",
    tokens: 56,
  },
  {
    script: "Thai",
    text: "ไม่มีใครในหมู่บ้านจำได้ว่าใครเป็นคนสร้างสะพาน แต่ทุกคนเห็นด้วยว่าควรซ่อมให้เสร็จก่อนฤดูหนาว ช่างไม้ให้ไม้ ส่วนช่างตีเหล็กให้ตะปู",
    tokens: 57,
  },
  {
    script: "Vietnamese",
    text: "Không ai trong làng nhớ được ai đã xây cây cầu, nhưng mọi người đều đồng ý rằng nó cần được sửa trước mùa đông. Người thợ mộc góp gỗ, người thợ rèn góp đinh.",
    tokens: 46,
  },
  { script: "emoji", text: "Done ✅ 🎉 nice work 👏👏 on to the next 🚀 coffee ☕ then lunch 🍕🍕 bye 👋", tokens: 27 },
];
