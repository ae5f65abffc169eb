"""What people and operators do to a system in use, beyond killing, freezing and lying: an actor for each kind."""
