CREATE TABLE `accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`provider` text NOT NULL,
	`label` text NOT NULL,
	`priority` integer NOT NULL,
	`concurrency` integer,
	`identity_hash` text NOT NULL,
	`credential` blob NOT NULL,
	`source` text NOT NULL,
	`source_hash` text,
	`user_agent` text NOT NULL,
	`memory` text,
	`quota` text,
	`state` text NOT NULL,
	`until` integer,
	`reason` text,
	`reason_kind` text,
	`since` integer NOT NULL,
	`rotation_failures` integer NOT NULL,
	`rate_limits` integer NOT NULL,
	`attempts` integer NOT NULL,
	`successes` integer NOT NULL,
	`failures` integer NOT NULL,
	`rotation_failures_total` integer NOT NULL,
	`input_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	`retired_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_identity_hash_unique` ON `accounts` (`identity_hash`);--> statement-breakpoint
CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`prefix` text NOT NULL,
	`hash` text NOT NULL,
	`admin` integer NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	`revoked_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_hash_unique` ON `api_keys` (`hash`);--> statement-breakpoint
CREATE TABLE `attempts` (
	`request_id` text NOT NULL,
	`number` integer NOT NULL,
	`provider` text NOT NULL,
	`account_id` text,
	`started_at` integer NOT NULL,
	`duration_ms` integer NOT NULL,
	`outcome` text NOT NULL,
	`message` text,
	`rotation_failure` integer NOT NULL,
	`input_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `attempts_request` ON `attempts` (`request_id`);--> statement-breakpoint
CREATE INDEX `attempts_started_at` ON `attempts` (`started_at`);--> statement-breakpoint
CREATE TABLE `conversations` (
	`upstream_id` text NOT NULL,
	`account_id` text NOT NULL,
	`state` text NOT NULL,
	`key` text,
	`due_at` integer NOT NULL,
	`tries` integer NOT NULL,
	PRIMARY KEY(`account_id`, `upstream_id`)
);
--> statement-breakpoint
CREATE INDEX `conversations_kept` ON `conversations` (`key`,`due_at`) WHERE state = 'kept';--> statement-breakpoint
CREATE TABLE `meta` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `requests` (
	`id` text NOT NULL,
	`at` integer NOT NULL,
	`dialect` text NOT NULL,
	`key_name` text,
	`model` text NOT NULL,
	`provider` text,
	`account_id` text,
	`attempts` integer NOT NULL,
	`stream` integer NOT NULL,
	`status` integer NOT NULL,
	`outcome` text NOT NULL,
	`message` text,
	`first_event_ms` integer,
	`duration_ms` integer NOT NULL,
	`input_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL,
	`usage_estimated` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `requests_at` ON `requests` (`at`,`provider`,`outcome`,`first_event_ms`,`input_tokens`,`output_tokens`,`usage_estimated`);--> statement-breakpoint
CREATE INDEX `requests_id` ON `requests` (`id`);--> statement-breakpoint
CREATE INDEX `requests_account` ON `requests` (`account_id`,`at`);--> statement-breakpoint
CREATE TABLE `sessions` (
	`token_hash` text PRIMARY KEY NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `settings` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text
);
