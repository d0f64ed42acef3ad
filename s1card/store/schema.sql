-- The server store. Names and columns of the JRC system's tables, with keys and what was missing.
-- Run by `s1card store init` with the store's schema first in the search path; harmless when repeated.

CREATE TABLE IF NOT EXISTS s1card_store (
    key text PRIMARY KEY,
    value jsonb NOT NULL
);

CREATE TABLE IF NOT EXISTS aois (
    name text PRIMARY KEY,
    wkb_geometry geometry(Geometry, 4326) NOT NULL CHECK (GeometryType(wkb_geometry) IN ('POLYGON', 'MULTIPOLYGON'))
);

CREATE TABLE IF NOT EXISTS dias_catalogue (
    id serial PRIMARY KEY,
    obstime timestamp NOT NULL,
    reference varchar(120) NOT NULL,
    sensor char(2) NOT NULL,
    card char(2) NOT NULL,
    status varchar(24) NOT NULL DEFAULT 'ingested',
    footprint geometry(Geometry, 4326) CHECK (GeometryType(footprint) IN ('POLYGON', 'MULTIPOLYGON')),
    -- added
    orbit_direction varchar(10) CHECK (orbit_direction IN ('ascending', 'descending')),
    relative_orbit smallint,
    pair_sensor char(2),
    pair_time timestamp,
    source text NOT NULL DEFAULT '',
    checksum text NOT NULL DEFAULT '',
    settings jsonb NOT NULL DEFAULT '{}',
    sig_rows integer NOT NULL DEFAULT 0,
    hist_rows integer NOT NULL DEFAULT 0,
    extracted_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    worker text,              -- who has it, or had it last: host:process:random
    lease_until timestamptz,  -- NULL where nobody has it; in the past where a worker died
    error text
);
CREATE UNIQUE INDEX IF NOT EXISTS dias_catalogue_reference_idx ON dias_catalogue (reference);
CREATE INDEX IF NOT EXISTS dias_catalogue_footprint_idx ON dias_catalogue USING gist (footprint);
CREATE INDEX IF NOT EXISTS dias_catalogue_obstime_idx ON dias_catalogue (obstime);

-- Partitioned by month of obstime; partitions (sigs_2021_03) are made when the first card of a month comes.
-- The observation leads the key: rows of a card come in its order, so that a load only appends to the key's index and
-- takes no longer in a full month (with the parcel in front it takes twice as long). Series are found by the parcel's
-- own index. Foreign keys are checked row by row and would take several times as long as the rows themselves.
CREATE TABLE IF NOT EXISTS sigs (
    pid integer NOT NULL,
    obsid integer NOT NULL,
    band char(3) NOT NULL,
    count real,
    mean real,
    std real,
    min real,
    max real,
    p25 real,
    p50 real,
    p75 real,
    -- added
    obstime timestamp NOT NULL,
    valid real,
    mean_db real,
    enl real,
    inc real,
    reason text,
    PRIMARY KEY (obsid, pid, band, obstime)
) PARTITION BY RANGE (obstime);
CREATE INDEX IF NOT EXISTS sigs_pidx ON sigs (pid);

CREATE TABLE IF NOT EXISTS hists (
    pid integer NOT NULL,
    obsid integer NOT NULL,
    hist jsonb NOT NULL,
    obstime timestamp NOT NULL,  -- added
    PRIMARY KEY (obsid, pid, obstime)
) PARTITION BY RANGE (obstime);
CREATE INDEX IF NOT EXISTS hists_pidx ON hists (pid);
