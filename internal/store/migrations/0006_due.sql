-- The posts of an account that wait, by their time: who is due around the same time, and who came before.
CREATE INDEX posts_account_due ON posts (account_id, due_at) WHERE status IN ('queued', 'publishing');
