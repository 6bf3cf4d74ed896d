"""Step 4: what a request used becomes its receipt, and its hold becomes its cost."""
