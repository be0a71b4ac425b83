"""The dbt project, and what writes the part of it that follows from the catalog of the tap."""
