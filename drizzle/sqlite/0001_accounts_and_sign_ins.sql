CREATE TABLE `sign_ins` (
	`id` text PRIMARY KEY NOT NULL,
	`provider` text NOT NULL,
	`data` blob NOT NULL,
	`created_at` integer NOT NULL,
	`kept_until` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `accounts` ADD `requests_per_hour` integer;--> statement-breakpoint
ALTER TABLE `accounts` ADD `proxy` blob;--> statement-breakpoint
ALTER TABLE `accounts` ADD `models` text;