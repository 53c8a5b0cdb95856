import { describeStore } from "./contract.ts";
import { DataFolder } from "./folder.ts";

describeStore("the SQLite store", async () => {
  const folder = new DataFolder();
  let { store } = await folder.open();
  return {
    store,
    async reopen() {
      await store.close();
      store = (await folder.open()).store;
      return store;
    },
    dispose: () => folder[Symbol.asyncDispose](),
  };
});
