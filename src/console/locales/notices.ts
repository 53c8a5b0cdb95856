/**
 * The gateway's own notices in Chinese. They are sentences in English, because the log, scripts and the command line read
 * them too; here each is known by its words, and what changes in it (a name, a path) is put into the Chinese one.
 */
const CHINESE: readonly (readonly [RegExp, string])[] = [
  [
    /^REQUIRE_KEY is off: the API is open to every program on this machine/,
    "REQUIRE_KEY 已关闭：本机上的所有程序不用密钥即可使用 API。",
  ],
  [/^REQUIRE_KEY is off: .*REACH THIS MACHINE/, "REQUIRE_KEY 已关闭：能访问这台机器的任何人不用密钥即可使用 API。"],
  [/^(\w+) is shorter than (\d+) characters/, "$1 少于 $2 个字符，容易被猜到。"],
  [/^(\w+) is (?:empty|1): no key is set by it/, "$1 没有设置密钥，请使用首次启动时生成的密钥。"],
  [/^(\w+) holds a key out of a sample/, "$1 是示例中公开的密钥，未被接受。"],
  [/^(\w+) holds a password out of a sample/, "$1 是示例中公开的密码，视为没有设置。"],
  [/^AUTH_COOKIES holds a sample sentence/, "AUTH_COOKIES 是示例文字而不是 Cookie，已忽略。"],
  [/^MAX_CREDENTIALS has no effect: (\d+) /, "MAX_CREDENTIALS 不起作用：始终保留 $1 个访客会话（MIN_CREDENTIALS）。"],
  [/^LOG_FILE (.+) cannot be written \((\w+)\)/, "日志文件 $1 无法写入（$2），日志只写到标准输出。"],
  [/^KNOWN_MODELS names what nobody here serves: (.+)$/, "KNOWN_MODELS 中有这里没有的模型：$1。"],
  [/^(\w+) names a SOCKS proxy/, "$1 是 SOCKS 代理，不会使用：只支持 http:// 和 https:// 代理。"],
  [/^(SLUICE_\w+) is not a setting and was ignored; the name is (\w+)$/, "没有设置项 $1，已忽略；正确的名称是 $2。"],
  [/^(SLUICE_\w+) is not a setting and was ignored$/, "没有设置项 $1，已忽略。"],
  [/^line (\d+) of the environment file is not KEY=value/, "环境文件第 $1 行不是 KEY=value，已忽略。"],
  [/^(\w+): (".*") from the console is not valid/, "控制台保存的 $1 的值 $2 无效，已改用默认值。"],
  [
    /^(.+) belongs to another program and is left alone; (.+) is used\. Try: (.+)$/,
    "$1 属于其他程序，不会改动；现使用 $2。可以运行：$3",
  ],
  [
    /^(.+) was not there, so a new one was made\. The newest backup is (.+)\.$/,
    "没有找到 $1，已新建一个。最新的备份是 $2。",
  ],
  [/^The database was upgraded; a copy from before is (.+)\.$/, "数据库已升级；升级前的副本是 $1。"],
  [
    /^The volume is mounted at (\S+), but the data is in (\S+) and is lost/,
    "数据卷挂载在 $1，但数据在 $2，会随容器一起丢失：请把数据卷挂载到 $2，或设置 DATA_DIR=$1。",
  ],
  [
    /^The data in (\S+) is lost when this container is removed/,
    "容器删除后，$1 中的数据会丢失：请在那里挂载数据卷（-v sluice-data:$1）。",
  ],
];

/** A notice in Chinese; undefined for one that is not known here. */
export function chineseNotice(text: string): string | undefined {
  for (const [form, chinese] of CHINESE) {
    const found = form.exec(text);
    if (found) return chinese.replace(/\$(\d)/g, (_hole, place: string) => found[Number(place)] ?? "");
  }
  return undefined;
}
