"""What a third party imports to write a detector."""
