-- Profile: the type of sketches, snapshots, sources.

CREATE TYPE aipipe.sketch;

CREATE FUNCTION aipipe.sketch_in(cstring) RETURNS aipipe.sketch
AS 'MODULE_PATHNAME', 'aipipe_sketch_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.sketch_in(cstring) IS 'reads a sketch from text and checks it whole';
GRANT EXECUTE ON FUNCTION aipipe.sketch_in(cstring) TO PUBLIC;

CREATE FUNCTION aipipe.sketch_out(aipipe.sketch) RETURNS cstring
AS 'MODULE_PATHNAME', 'aipipe_sketch_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.sketch_out(aipipe.sketch) IS 'writes a sketch as \x and hexadecimal digits';
GRANT EXECUTE ON FUNCTION aipipe.sketch_out(aipipe.sketch) TO PUBLIC;

CREATE FUNCTION aipipe.sketch_recv(internal) RETURNS aipipe.sketch
AS 'MODULE_PATHNAME', 'aipipe_sketch_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.sketch_recv(internal) IS 'receives a sketch''s bytes and checks them whole';
GRANT EXECUTE ON FUNCTION aipipe.sketch_recv(internal) TO PUBLIC;

CREATE FUNCTION aipipe.sketch_send(aipipe.sketch) RETURNS bytea
AS 'MODULE_PATHNAME', 'aipipe_sketch_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aipipe.sketch_send(aipipe.sketch) IS 'sends a sketch''s bytes';
GRANT EXECUTE ON FUNCTION aipipe.sketch_send(aipipe.sketch) TO PUBLIC;

CREATE TYPE aipipe.sketch (
    INPUT = aipipe.sketch_in,
    OUTPUT = aipipe.sketch_out,
    RECEIVE = aipipe.sketch_recv,
    SEND = aipipe.sketch_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = external
);
COMMENT ON TYPE aipipe.sketch IS
'what is known of a column''s values, mergeable, in at most 16 kB: counts, moments, quantiles, distinct and frequent values, patterns';
