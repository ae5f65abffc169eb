"""The example project under attack: its ERP with faults that are aimed, its processes, its judge, and a minute of chaos."""

TARGET = "erp"
