/** What the benchmark and the process that copies for it agree upon. */
export const BUCKETS = 8;
export const TOKEN = 7;
export const COLUMNS = ["tenant", "id", "status", "amount", "customer", "note", "created", "payload"];

/** No binary column: pt-archiver loses rows with one, whose bytes LOAD DATA takes for the first half of a character. */
export const TABLE = `CREATE TABLE orders (tenant INT UNSIGNED NOT NULL, id BIGINT UNSIGNED NOT NULL, status TINYINT NOT NULL,
  amount DECIMAL(12,2) NOT NULL, customer VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  note VARCHAR(200) CHARACTER SET utf8mb4 NULL, created DATETIME(6) NOT NULL, payload VARCHAR(64) CHARACTER SET ascii NULL,
  PRIMARY KEY (tenant, id), KEY (tenant, created)) ENGINE = InnoDB`;

/** The same, with keys that the server gives. */
export const NUMBERED =
  "CREATE TABLE numbered LIKE orders; ALTER TABLE numbered MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, ADD KEY (id)";
