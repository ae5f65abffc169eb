"""The names of the engine's tables, for statements written by hand."""

RECORDS = "thirdparty_record"
ATTEMPTS = "thirdparty_attempt"
REFERENCES = "thirdparty_reference"
TARGETS = "thirdparty_target"
BRAKES = "thirdparty_brake"
BRAKE_ENTRIES = "thirdparty_brakeentry"
STRICT_WRITES = "thirdparty_strictwrite"
