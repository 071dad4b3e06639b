-- Prints the history table of a table, and the triggers that fill it. Read what it prints, then run that.
--
--     sqlite3 hr.db ".parameter set :table 'person'" ".read delta-triggers-sqlite.sql" > history.sql
--
-- For a child table, whose rows belong to entries of the table, print its triggers too:
--
--     sqlite3 hr.db ".parameter set :table 'team'" ".parameter set :child 'team_member'" \
--         ".parameter set :join 'team_id=id'" ".read delta-triggers-sqlite.sql" > members.sql
--
-- :join has pairs `column of the child table=column of the key`, with commas between them. The history
-- has the columns of the table's key with `key_` before their names, what happened and when; `id` grows
-- with each row. A key that changes is deleted and added.

WITH
key AS (
    SELECT name, type, pk, '"key_' || replace(name, '"', '""') || '"' AS quoted
    FROM pragma_table_info(:table) WHERE pk > 0
),
-- Pairs of :join, one after the other.
parts AS (
    SELECT '' AS part, :join || ',' AS rest WHERE :child IS NOT NULL
    UNION ALL
    SELECT substr(rest, 1, instr(rest, ',') - 1), substr(rest, instr(rest, ',') + 1)
    FROM parts WHERE rest <> ''
),
pairs AS (
    SELECT trim(substr(part, 1, instr(part, '=') - 1)) AS child,
           trim(substr(part, instr(part, '=') + 1)) AS parent
    FROM parts WHERE part <> ''
),
-- The columns of the key, and where the row that fires a trigger has their values.
columns AS (
    SELECT key.quoted,
           key.quoted || ' ' || key.type AS declared,
           '"' || replace(coalesce(pairs.child, key.name), '"', '""') || '"' AS source
    FROM key LEFT JOIN pairs ON lower(pairs.parent) = lower(key.name)
    ORDER BY key.pk
),
words AS (
    SELECT '"' || replace(:table || '_history', '"', '""') || '"' AS history,
           '"' || replace(coalesce(:child, :table), '"', '""') || '"' AS fires,
           coalesce(:child || '_', '') || :table || '_history_' AS prefix,
           group_concat(quoted, ', ') AS names,
           group_concat(declared || ' NOT NULL, ', '') AS declared,
           group_concat('old.' || source, ', ') AS old,
           group_concat('new.' || source, ', ') AS new,
           group_concat('old.' || source || ' IS NOT NULL', ' AND ') AS old_there,
           group_concat('new.' || source || ' IS NOT NULL', ' AND ') AS new_there,
           group_concat('old.' || source || ' IS NOT new.' || source, ' OR ') AS moved,
           group_concat('old.' || source || ' IS new.' || source, ' AND ') AS stayed
    FROM columns
),
-- When a trigger fires, on which condition, and what it writes.
triggers AS (
    SELECT 1 AS at, 'added' AS name, 'INSERT' AS event, new_there AS condition,
           CASE WHEN :child IS NULL THEN 'Add' ELSE 'Update' END AS operation, new AS key FROM words
    UNION ALL
    SELECT 2, 'changed', 'UPDATE', stayed || ' AND ' || new_there, 'Update', new FROM words
    UNION ALL
    SELECT 3, 'moved_from', 'UPDATE', '(' || moved || ') AND ' || old_there,
           CASE WHEN :child IS NULL THEN 'Delete' ELSE 'Update' END, old FROM words
    UNION ALL
    SELECT 4, 'moved_to', 'UPDATE', '(' || moved || ') AND ' || new_there,
           CASE WHEN :child IS NULL THEN 'Add' ELSE 'Update' END, new FROM words
    UNION ALL
    SELECT 5, 'deleted', 'DELETE', old_there,
           CASE WHEN :child IS NULL THEN 'Delete' ELSE 'Update' END, old FROM words
)
SELECT line FROM (
    SELECT 0 AS at, 'CREATE TABLE ' || history || ' (id INTEGER PRIMARY KEY AUTOINCREMENT, '
        || declared || 'operation TEXT NOT NULL, changed_at TEXT NOT NULL DEFAULT (datetime(''now'')));' AS line
    FROM words WHERE :child IS NULL
    UNION ALL
    SELECT at, 'CREATE TRIGGER "' || replace(prefix || name, '"', '""') || '" AFTER '
        || event || ' ON ' || fires || ' WHEN ' || condition || ' BEGIN INSERT INTO ' || history
        || ' (' || names || ', operation) VALUES (' || key || ', '''
        || operation || '''); END;'
    FROM words, triggers
    UNION ALL
    SELECT 0, '-- there is no table ' || coalesce(:table, '(:table is not set)')
        || ' with a primary key' WHERE NOT EXISTS (SELECT 1 FROM key)
) WHERE line IS NOT NULL ORDER BY at;
