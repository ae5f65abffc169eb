"""People's mapping in several versions, so that processes of two of them run side by side."""
