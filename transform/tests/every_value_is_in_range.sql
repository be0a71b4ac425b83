{{ config(severity='warn') }}

-- Oura defines these ranges (`range` in the YAML of the marts). One row per account and column, named in the log.
{{ values_out_of_range() }}
