-- A shop for many tenants: every table has the tenant in its primary key, and everything of one tenant is in one bucket.
-- Texts that are keys are binary, so that the server and dcs agree on which of them are equal.

CREATE TABLE IF NOT EXISTS tenants (
  tenant VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  name VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL,
  plan ENUM('free', 'team', 'business') NOT NULL DEFAULT 'free',
  orders INT UNSIGNED NOT NULL DEFAULT 0,
  cents BIGINT NOT NULL DEFAULT 0,
  since DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS orders (
  tenant VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id BIGINT UNSIGNED NOT NULL,
  -- Numbers change places at times: unique within the tenant, so within one bucket.
  number INT NOT NULL,
  status ENUM('open', 'paid', 'sent', 'void') NOT NULL DEFAULT 'open',
  cents BIGINT NOT NULL,
  note VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NULL,
  placed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (tenant, id),
  UNIQUE KEY one_number (tenant, number),
  KEY by_time (placed_at)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS items (
  tenant VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  order_id BIGINT UNSIGNED NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  sku VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  quantity DECIMAL(12, 3) NOT NULL,
  cents BIGINT NOT NULL,
  total DECIMAL(24, 3) AS (quantity * cents) STORED,
  PRIMARY KEY (tenant, order_id, line),
  KEY by_sku (sku)
) ENGINE = InnoDB;

-- Every type that is easily spoilt on its way from one server to another.
CREATE TABLE IF NOT EXISTS oddities (
  tenant VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tag BINARY(4) NOT NULL,
  n SMALLINT NOT NULL,
  tiny TINYINT UNSIGNED NULL,
  big BIGINT UNSIGNED NULL,
  exact DECIMAL(65, 30) NULL,
  real4 FLOAT NULL,
  real8 DOUBLE NULL,
  bits BIT(64) NULL,
  choice ENUM('', 'a''b', 'ä', '0') CHARACTER SET utf8mb4 NULL,
  flags SET('x', 'y', 'z z', 'ü') CHARACTER SET utf8mb4 NULL,
  yr YEAR NULL,
  day DATE NULL,
  span TIME(6) NULL,
  moment DATETIME(6) NULL,
  stamp TIMESTAMP(6) NULL,
  padded CHAR(10) CHARACTER SET utf8mb4 NULL,
  words TEXT CHARACTER SET utf8mb4 NULL,
  latin VARCHAR(50) CHARACTER SET latin1 NULL,
  raw VARBINARY(64) NULL,
  pile LONGBLOB NULL,
  doc JSON NULL,
  place POINT NULL,
  `odd ``name', 行` INT NULL,
  doubled BIGINT AS (n * 2) VIRTUAL,
  PRIMARY KEY (tenant, tag, n)
) ENGINE = InnoDB;
