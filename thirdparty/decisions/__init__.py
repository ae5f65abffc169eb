"""What people decide about records that do not come right by themselves."""
