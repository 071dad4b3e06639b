-- Prints the history table of a table, and the triggers that fill it. Read what it prints, then run that.
--
--     psql -qAtX -v table=person -f delta-triggers-postgresql.sql > history.sql
--
-- For a child table, whose rows belong to entries of the table, print its triggers too:
--
--     psql -qAtX -v table=team -v child=team_member -v join=team_id=id \
--         -f delta-triggers-postgresql.sql > members.sql
--
-- `table` and `child` are written as in SQL: hr.person, or "Person" in double quotes. `join` has pairs
-- `column of the child table=column of the key`, with commas between them. The history has the columns
-- of the table's key with `key_` before their names, what happened and when; `id` grows with each row. A
-- key that changes is deleted and added.

\if :{?child}
\else
\set child ''
\endif
\if :{?join}
\else
\set join ''
\endif

WITH
given AS (
    SELECT to_regclass(:'table') AS parent,
           to_regclass(nullif(:'child', '')) AS child,
           to_regclass(coalesce(nullif(:'child', ''), :'table')) AS fires
),
pairs AS (
    SELECT trim(split_part(part, '=', 1)) AS child, trim(split_part(part, '=', 2)) AS parent
    FROM unnest(string_to_array(:'join', ',')) AS part
),
-- The columns of the key, and where the row that fires a trigger has their values.
columns AS (
    SELECT quote_ident('key_' || a.attname) AS quoted,
           format_type(a.atttypid, a.atttypmod) AS type,
           quote_ident(coalesce(pairs.child, a.attname)) AS source,
           o.at
    FROM given
    JOIN pg_index i ON i.indrelid = given.parent AND i.indisprimary
    CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS o (number, at)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = o.number
    LEFT JOIN pairs ON pairs.parent = a.attname
),
words AS (
    SELECT quote_ident(n.nspname) || '.' AS schema,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname || '_history') AS history,
           -- Of the table itself, or of its child.
           coalesce(f.relname || '_', '') || c.relname || '_history' AS name,
           :'child' = '' AS own,
           given.fires::text AS fires
    FROM given
    JOIN pg_class c ON c.oid = given.parent
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class f ON f.oid = given.child
),
lists AS (
    SELECT string_agg(quoted, ', ' ORDER BY at) AS names,
           string_agg(quoted || ' ' || type || ' NOT NULL', ', ' ORDER BY at) AS declared,
           string_agg('old.' || source, ', ' ORDER BY at) AS old,
           string_agg('new.' || source, ', ' ORDER BY at) AS new,
           string_agg('old.' || source || ' IS NOT NULL', ' AND ' ORDER BY at) AS old_there,
           string_agg('new.' || source || ' IS NOT NULL', ' AND ' ORDER BY at) AS new_there,
           string_agg('old.' || source || ' IS DISTINCT FROM new.' || source, ' OR ' ORDER BY at)
               AS moved
    FROM columns
)
SELECT format(E'CREATE TABLE %s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, %s, '
    'operation text NOT NULL, changed_at timestamptz NOT NULL DEFAULT clock_timestamp());', history, declared)
FROM words, lists WHERE own AND names IS NOT NULL
UNION ALL
-- The owner of the history writes it, whoever changes the table.
SELECT format($text$CREATE FUNCTION %1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $body$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF %2$s THEN
            IF %3$s THEN INSERT INTO %4$s (%5$s, operation) VALUES (%6$s, %7$L); END IF;
            IF %8$s THEN INSERT INTO %4$s (%5$s, operation) VALUES (%9$s, %10$L); END IF;
        ELSIF %8$s THEN
            INSERT INTO %4$s (%5$s, operation) VALUES (%9$s, 'Update');
        END IF;
    ELSIF TG_OP = 'INSERT' THEN
        IF %8$s THEN INSERT INTO %4$s (%5$s, operation) VALUES (%9$s, %10$L); END IF;
    ELSE
        IF %3$s THEN INSERT INTO %4$s (%5$s, operation) VALUES (%6$s, %7$L); END IF;
    END IF;
    RETURN NULL;
END $body$;
CREATE TRIGGER %11$s AFTER INSERT OR UPDATE OR DELETE ON %12$s
    FOR EACH ROW EXECUTE FUNCTION %1$s();$text$,
    schema || quote_ident(name || '_write'), moved, old_there, history, names, old,
    CASE WHEN own THEN 'Delete' ELSE 'Update' END, new_there, new,
    CASE WHEN own THEN 'Add' ELSE 'Update' END, quote_ident(name), fires)
FROM words, lists WHERE names IS NOT NULL AND fires IS NOT NULL
UNION ALL
SELECT format('-- there is no table %s with a primary key', :'table')
WHERE NOT EXISTS (SELECT 1 FROM columns)
UNION ALL
SELECT format('-- there is no table %s', :'child') FROM given WHERE fires IS NULL AND :'child' <> '';
