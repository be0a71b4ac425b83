{#-
    What each model's transaction begins with.

    - Compiling a query takes longer than running one that reads little.
    - Somebody else's lock on a table fails the model after a while, instead of holding up the build for ever.
    - A run of the collector that lost its lock builds nothing more: its sessions are named after it. Those of other
      names are not asked, nor is the collector's schema needed for them.
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
