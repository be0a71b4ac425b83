{{ config(severity='warn') }}

-- What lies in the raw tables and has no value of its column's type is null in the marts. One row per account and
-- column, named in the log.
{{ unreadable_values() }}
