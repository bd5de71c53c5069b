-- Posts that wait for a time after the last one at which they may go out: hardly any ever, but for those of a clock that was ahead.
CREATE INDEX posts_put_off ON posts (wake_at) WHERE wake_at > due_at + late_window;
