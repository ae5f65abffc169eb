"""Random writes against a system whose every process is killed, frozen and lied to; then all records are compared.

``python -m tests.chaos.run --seconds 60 --seed 7`` starts everything itself and touches nothing else.
The last line that it prints is its figures as one JSON object; it exits with 1 when a promise was broken,
or when the run was too mild to mean anything. Several targets, and what people and operators do to a system in use, are
part of it; ``--troubles none`` leaves one target and its failures.
"""
