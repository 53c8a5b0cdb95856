DROP INDEX `requests_account`;--> statement-breakpoint
DROP INDEX `requests_at`;--> statement-breakpoint
CREATE INDEX `requests_at` ON `requests` (`at`,`provider`,`account_id`,`outcome`,`first_event_ms`,`input_tokens`,`output_tokens`,`usage_estimated`);