-- Prints the history table of a table, and the triggers that fill it. Read what it prints, then run that.
--
--     (echo "SET @table = 'person';"; cat delta-triggers-mysql.sql) | mysql -N -r hr > history.sql
--
-- For a child table, whose rows belong to entries of the table, print its triggers too:
--
--     (echo "SET @table = 'team', @child = 'team_member', @join = 'team_id=id';"
--      cat delta-triggers-mysql.sql) | mysql -N -r hr > members.sql
--
-- @join has pairs `column of the child table=column of the key`, with commas between them. The history
-- has the columns of the table's key with `key_` before their names, what happened and when; `id` grows
-- with each row. A key that changes is deleted and added. Rows that a foreign key changes by CASCADE or
-- SET NULL fire no triggers in MySQL and MariaDB: delete the rows of a child table yourself.

SET SESSION group_concat_max_len = 100000;
SET @quote = '`', @pairs = CONCAT(',', REPLACE(COALESCE(@join, ''), ' ', ''), ',');

-- The columns of the key, and where the row that fires a trigger has their values.
SELECT GROUP_CONCAT(quoted ORDER BY at SEPARATOR ', '),
       GROUP_CONCAT(quoted, ' ', declared, ' NOT NULL' ORDER BY at SEPARATOR ', '),
       GROUP_CONCAT('old.', source ORDER BY at SEPARATOR ', '),
       GROUP_CONCAT('new.', source ORDER BY at SEPARATOR ', '),
       GROUP_CONCAT('old.', source, ' IS NOT NULL' ORDER BY at SEPARATOR ' AND '),
       GROUP_CONCAT('new.', source, ' IS NOT NULL' ORDER BY at SEPARATOR ' AND '),
       GROUP_CONCAT('old.', source, ' <=> new.', source ORDER BY at SEPARATOR ' AND ')
INTO @names, @declared, @old, @new, @old_there, @new_there, @stayed
FROM (
    SELECT k.ordinal_position AS at,
           CONCAT(@quote, 'key_', REPLACE(k.column_name, @quote, '``'), @quote) AS quoted,
           CONCAT(c.column_type, COALESCE(CONCAT(' CHARACTER SET ', c.character_set_name,
               ' COLLATE ', c.collation_name), '')) AS declared,
           CONCAT(@quote, REPLACE(
               IF(LOCATE(CONCAT('=', k.column_name, ','), @pairs) = 0, k.column_name,
                   SUBSTRING_INDEX(
                       SUBSTRING_INDEX(@pairs, CONCAT('=', k.column_name, ','), 1), ',', -1)),
               @quote, '``'), @quote) AS source
    FROM information_schema.key_column_usage k
    JOIN information_schema.columns c
      ON c.table_schema = k.table_schema AND c.table_name = k.table_name
     AND c.column_name = k.column_name
    WHERE k.table_schema = DATABASE() AND k.table_name = @table AND k.constraint_name = 'PRIMARY'
) AS columns_of_key;

SET @history = CONCAT(@quote, REPLACE(CONCAT(@table, '_history'), @quote, '``'), @quote),
    @fires = CONCAT(@quote, REPLACE(COALESCE(@child, @table), @quote, '``'), @quote),
    @name = CONCAT(COALESCE(CONCAT(@child, '_'), ''), @table, '_history_'),
    @added = IF(@child IS NULL, 'Add', 'Update'),
    @deleted = IF(@child IS NULL, 'Delete', 'Update');
SET @insert = CONCAT('INSERT INTO ', @history, ' (', @names, ', operation, changed_at) ');
SET @trigger = CONCAT('CREATE TRIGGER ', @quote, REPLACE(@name, @quote, '``'));

SELECT CONCAT('CREATE TABLE ', @history, ' (id BIGINT AUTO_INCREMENT PRIMARY KEY, ', @declared,
    ', operation VARCHAR(20) NOT NULL, changed_at DATETIME(6) NOT NULL) ENGINE=InnoDB;')
FROM DUAL WHERE @child IS NULL AND @names IS NOT NULL;

SELECT CONCAT(@trigger, 'added', @quote, ' AFTER INSERT ON ', @fires, ' FOR EACH ROW ', @insert,
    'SELECT ', @new, ', ''', @added, ''', UTC_TIMESTAMP(6) FROM DUAL WHERE ', @new_there, ';')
FROM DUAL WHERE @names IS NOT NULL;
SELECT CONCAT(@trigger, 'changed', @quote, ' AFTER UPDATE ON ', @fires, ' FOR EACH ROW ', @insert,
    'SELECT ', @old, ', ''', @deleted, ''', UTC_TIMESTAMP(6) FROM DUAL WHERE NOT (', @stayed,
    ') AND ', @old_there, ' UNION ALL SELECT ', @new, ', IF(', @stayed, ', ''Update'', ''', @added,
    '''), UTC_TIMESTAMP(6) FROM DUAL WHERE ', @new_there, ';')
FROM DUAL WHERE @names IS NOT NULL;
SELECT CONCAT(@trigger, 'deleted', @quote, ' AFTER DELETE ON ', @fires, ' FOR EACH ROW ', @insert,
    'SELECT ', @old, ', ''', @deleted, ''', UTC_TIMESTAMP(6) FROM DUAL WHERE ', @old_there, ';')
FROM DUAL WHERE @names IS NOT NULL;
SELECT CONCAT('-- there is no table ', COALESCE(@table, '(@table is not set)'), ' with a primary key')
FROM DUAL WHERE @names IS NULL;
