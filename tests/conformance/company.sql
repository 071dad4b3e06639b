-- The database for `cargo xtask conformance`: people with managers and roles, teams of people and teams.

CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    login TEXT NOT NULL UNIQUE COLLATE NOCASE,
    display_name TEXT,
    given_name TEXT,
    family_name TEXT,
    formatted_name TEXT,
    middle_name TEXT,
    prefix TEXT,
    suffix TEXT,
    nick_name TEXT,
    title TEXT,
    user_type TEXT,
    language TEXT,
    locale TEXT,
    time_zone TEXT,
    page TEXT,
    -- Behind `active`: NULL when nobody has said.
    enabled INTEGER,
    mail TEXT,
    home_mail TEXT,
    work_phone TEXT,
    mobile_phone TEXT,
    street TEXT,
    city TEXT,
    region TEXT,
    postal_code TEXT,
    country TEXT,
    home_street TEXT,
    home_city TEXT,
    chat TEXT,
    photo TEXT,
    entitlement TEXT,
    certificate BLOB,
    external_id TEXT,
    employee_number TEXT,
    department TEXT,
    organization TEXT,
    division TEXT,
    cost_center TEXT,
    manager_id INTEGER REFERENCES person (id) ON DELETE SET NULL,
    badge TEXT
);

CREATE TABLE person_role (
    person INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (person, role)
);

CREATE TABLE team (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    external_id TEXT,
    description TEXT
);

CREATE TABLE team_member (
    team INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    member INTEGER NOT NULL,
    PRIMARY KEY (team, kind, member)
);

INSERT INTO person (id, login, display_name, given_name, family_name, title, enabled, mail, external_id, department, manager_id) VALUES
    (1, 'ada.lovelace', 'Ada Lovelace', 'Ada', 'Lovelace', 'Director', 1, 'ada.lovelace@example.com', 'E101', 'Compilers', NULL),
    (2, 'grace.hopper', 'Grace Hopper', 'Grace', 'Hopper', 'Head of Compilers', 1, 'grace.hopper@example.com', 'E102', 'Sciences', 1),
    (3, 'mary.somerville', 'Mary Somerville', 'Mary', 'Somerville', 'Head of Sciences', 1, 'mary.somerville@example.com', 'E103', 'Compilers', 1),
    (4, 'emmy.noether', 'Emmy Noether', 'Emmy', 'Noether', 'Mathematician', 1, 'emmy.noether@example.com', 'E104', 'Sciences', 3),
    (5, 'lise.meitner', 'Lise Meitner', 'Lise', 'Meitner', 'Physicist', 1, 'lise.meitner@example.com', 'E105', 'Compilers', 3),
    (6, 'marie.curie', 'Marie Curie', 'Marie', 'Curie', 'Chemist', 1, 'marie.curie@example.com', 'E106', 'Sciences', 3),
    (7, 'hedy.lamarr', 'Hedy Lamarr', 'Hedy', 'Lamarr', 'Engineer', 1, 'hedy.lamarr@example.com', 'E107', 'Compilers', 2),
    (8, 'joan.clarke', 'Joan Clarke', 'Joan', 'Clarke', 'Analyst', 1, 'joan.clarke@example.com', 'E108', 'Sciences', 2),
    (9, 'katherine.johnson', 'Katherine Johnson', 'Katherine', 'Johnson', 'Analyst', 0, 'katherine.johnson@example.com', 'E109', 'Compilers', 3),
    (10, 'dorothy.vaughan', 'Dorothy Vaughan', 'Dorothy', 'Vaughan', 'Supervisor', 1, 'dorothy.vaughan@example.com', 'E110', 'Sciences', 2),
    (11, 'rosalind.franklin', 'Rosalind Franklin', 'Rosalind', 'Franklin', 'Chemist', 1, 'rosalind.franklin@example.com', 'E111', 'Compilers', 3),
    (12, 'maria.mitchell', 'Maria Mitchell', 'Maria', 'Mitchell', 'Astronomer', 1, 'maria.mitchell@example.com', 'E112', 'Sciences', 3),
    (13, 'sofja.kowalewskaja', 'Софья Ковалевская', 'Софья', 'Ковалевская', 'Mathematician', 1, 'sofja.kowalewskaja@example.com', 'E113', 'Compilers', 4),
    (14, 'tu.youyou', '屠 呦呦', '屠', '呦呦', 'Chemist', 1, 'tu.youyou@example.com', 'E114', 'Sciences', 6),
    (15, 'maryam.mirzakhani', 'مریم میرزاخانی', 'مریم', 'میرزاخانی', 'Mathematician', 1, 'maryam.mirzakhani@example.com', 'E115', 'Compilers', 4),
    (16, 'ines.penna', 'Inês Penna', 'Inês', 'Penna', 'Engineer', 1, 'ines.penna@example.com', 'E116', 'Sciences', 7),
    (17, 'anna.oneill', 'Anna O''Neill', 'Anna', 'O''Neill', 'Engineer', 1, 'anna.oneill@example.com', 'E117', 'Compilers', 7),
    (18, 'sybilla.merian', 'Sybilla "Maria" Merian', 'Sybilla "Maria"', 'Merian', 'Painter, Naturalist', 0, 'sybilla.merian@example.com', 'E118', 'Sciences', 12),
    (19, 'leila.abouzeid', 'ليلى أبو زيد', 'ليلى', 'أبو زيد', 'Writer', 1, 'leila.abouzeid@example.com', 'E119', 'Compilers', NULL),
    (20, 'zora.hurston', 'Zora Hurston', 'Zora', 'Hurston', 'Writer', NULL, 'zora.hurston@example.com', 'E120', 'Sciences', 19);

INSERT INTO person_role (person, role) VALUES
    (1, 'director'), (1, 'pilot'), (2, 'head'), (3, 'head'), (19, 'author'), (20, 'author');

INSERT INTO team (id, name, external_id, description) VALUES
    (1, 'Compilers', 'T1', 'Those who translate'),
    (2, 'Sciences', 'T2', NULL),
    (3, 'Everybody', 'T3', 'All departments'),
    (4, 'Nobody', NULL, NULL);

INSERT INTO team_member (team, kind, member) VALUES
    (1, 'person', 2), (1, 'person', 7), (1, 'person', 8), (1, 'person', 10),
    (2, 'person', 3), (2, 'person', 4), (2, 'person', 5), (2, 'person', 6), (2, 'person', 9),
    (3, 'person', 1), (3, 'team', 1), (3, 'team', 2);
