{#-
    What each model's transaction begins with.

    - Compiling a query takes longer than running one that reads little.
    - A lock on a table fails the model after a timeout, instead of blocking the build forever.
    - A run of the collector that lost its lock builds nothing more; its sessions carry its name. Other sessions are not
      checked, and do not need the collector's schema.
-#}
{% macro begin_model() %}
    set local jit = off;
    select set_config('lock_timeout', '{{ var("lock_timeout") }}', true) where current_setting('lock_timeout') = '0';
    do $$
    begin
        if current_setting('application_name') like 'oura-run-%' then
            perform oura_collector.check_run();
        end if;
    end $$
{% endmacro %}
