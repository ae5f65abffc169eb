"""An exhaustive model of a record's protocol: every interleaving, breadth first, with the product's own decisions.

What the product decides purely (`thirdparty.decide.plan`, `thirdparty.decide.interpret`) is called as it is. What it does
in SQL is written once more in `transitions`, as pure functions of an abstract row, and
`tests.chaos.test_model_matches_sql` holds these to the real statements. Time is abstract: windows end,
leases run out and what is due later becomes due at any moment at which the real clock could let it.

    python -m tests.chaos.model          # the table of all configurations
    python -m tests.chaos.model --help   # budgets, seeded bugs, the frozen sender
"""
