"""The names of the engine's tables, for statements written by hand."""

RECORDS = "thirdparty_record"
ATTEMPTS = "thirdparty_attempt"
TARGETS = "thirdparty_target"
STRICT_WRITES = "thirdparty_strictwrite"
