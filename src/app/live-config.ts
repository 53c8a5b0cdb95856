import type { LiveSettings } from "../admin/create.ts";
import { type Config, settingViews, validateSetting, withSaved } from "../config.ts";
import type { Logger } from "../lib/logger.ts";

/** The configuration as it stands now, and what the operator may change of it. */
export interface LiveConfig {
  /** Read anew at each use, and never kept: the next call may give another one. */
  readonly config: () => Config;
  readonly settings: LiveSettings;
}

/** @param saved what the console saved before */
export function liveConfig(started: Config, saved: Readonly<Record<string, unknown>>, log: Logger): LiveConfig {
  let config = withSaved(started, saved);
  return {
    config: () => config,
    settings: {
      views: () => settingViews(config),
      objection: validateSetting,
      reload(changed) {
        config = withSaved(config, changed);
        log.setLevel(config.log.level);
      },
    },
  };
}
