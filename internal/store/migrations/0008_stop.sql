-- A person may ask to stop photos that were handed over: nothing more is given out then, and the platform is told to stop.
ALTER TABLE attempts ADD COLUMN stop_asked_at BIGINT; -- when a person asked
ALTER TABLE attempts ADD COLUMN stop_told_at BIGINT; -- when the platform had answered that it knows
