-- What goes wrong with feeds, planted into clean rows.
--
-- The truth stays in demo.order_truth and demo.reading_truth, keyed by row; the
-- detector sees neither.  A kind is planted only where it changes the row.

CREATE TABLE demo.fault_kind (i int PRIMARY KEY, kind text, told text);
INSERT INTO demo.fault_kind VALUES
	(1,  'scale_up',            'amount × 100: cents read as euros'),
	(2,  'scale_down',          'amount ÷ 100'),
	(3,  'sign_flip',           'amount negative'),
	(4,  'sentinel_number',     'quantity 9999: "unknown" in the old system'),
	(5,  'sentinel_date',       'placed on 1900-01-01'),
	(6,  'swapped_columns',     'unit_price and weight_kg changed places'),
	(7,  'typo_category',       'a letter lost in the category'),
	(8,  'unseen_category',     'a payment method nobody announced'),
	(9,  'unexpected_null',     'unit_price missing'),
	(10, 'currency_conflict',   'a currency the country does not use'),
	(11, 'time_zone_shift',     'local time 9 hours early'),
	(12, 'repeated_text',       'email pasted twice'),
	(13, 'negative_days',       'delivered 30 days before the order'),
	(14, 'wrong_unit',          'weight in grams'),
	(15, 'wrong_total',         'amount is not quantity × price: a quarter too high'),
	(16, 'impossible_payment',  'cash, but not in a shop');

-- Puts fault number k into an order.
CREATE FUNCTION demo.order_fault(o demo.order_shape, k int) RETURNS demo.order_shape
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	kept numeric;
BEGIN
	CASE k
		WHEN 1 THEN o.amount := o.amount * 100;
		WHEN 2 THEN o.amount := o.amount / 100;
		WHEN 3 THEN o.amount := -o.amount;
		WHEN 4 THEN o.quantity := 9999;
		WHEN 5 THEN o.placed_at := '1900-01-01 00:00+00'; o.local_time := '00:00';
		WHEN 6 THEN kept := o.unit_price; o.unit_price := o.weight_kg; o.weight_kg := kept;
		WHEN 7 THEN o.category := overlay(o.category PLACING '' FROM 3 FOR 1);
		WHEN 8 THEN o.payment := 'crypto';
		WHEN 9 THEN o.unit_price := NULL;
		WHEN 10 THEN o.currency := CASE o.currency WHEN 'EUR' THEN 'SEK' ELSE 'EUR' END;
		WHEN 11 THEN o.placed_at := o.placed_at - interval '9 hours'; o.local_time := o.local_time - interval '9 hours';
		WHEN 12 THEN o.email := o.email || o.email;
		WHEN 13 THEN o.delivery_days := -30;
		WHEN 14 THEN o.weight_kg := o.weight_kg * 1000;
		WHEN 15 THEN o.amount := round(o.amount * 1.25, 2);
		WHEN 16 THEN IF o.channel <> 'store' THEN o.payment := 'cash'; END IF;
	END CASE;
	RETURN o;
END $$;

-- What the shops will send: the order as it arrives, and the fault in it, if any.
CREATE TABLE demo.order_sent (o demo.order_shape, kind text);

-- Prepares n orders of some days with a fault in about share of them.
CREATE PROCEDURE demo.send_orders(first bigint, n int, from_day date, days int, share float8)
LANGUAGE sql
BEGIN ATOMIC
	INSERT INTO demo.order_sent
	SELECT CASE WHEN f.kind IS NULL THEN o ELSE f.faulty END, f.kind
	FROM demo.orders(first, n, from_day, days) AS o
	LEFT JOIN LATERAL (
		SELECT demo.order_fault(o, k.i) AS faulty, k.kind FROM demo.fault_kind k
		WHERE k.i = 1 + floor(demo.uniform((o).order_id, 61) * 16)::int AND demo.uniform((o).order_id, 60) < share
		  AND demo.order_fault(o, k.i) IS DISTINCT FROM o) AS f ON true;
END;

CREATE VIEW demo.order_live AS SELECT (o).* FROM demo.order_sent;
CREATE VIEW demo.order_truth AS SELECT (o).order_id, kind FROM demo.order_sent WHERE kind IS NOT NULL;

-- Puts a fault into a reading of a box.
CREATE FUNCTION demo.reading_fault(r demo.reading_shape, kind text) RETURNS demo.reading_shape
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	kept float8 := r.latitude;
BEGIN
	CASE kind
		WHEN 'fahrenheit' THEN r.temperature := r.temperature * 9 / 5 + 32;
		WHEN 'swapped_position' THEN r.latitude := r.longitude; r.longitude := kept;
		WHEN 'no_position' THEN r.latitude := 0; r.longitude := 0;
		WHEN 'battery_255' THEN r.battery_v := 255;
		WHEN 'dropped' THEN r.shock_g := r.shock_g + 9;
		WHEN 'missing_values' THEN r.temperature := NULL; r.humidity := NULL;
	END CASE;
	RETURN r;
END $$;

-- What the boxes will send, with its faults.
CREATE TABLE demo.reading_sent (r demo.reading_shape, kind text);
CREATE PROCEDURE demo.send_readings(first bigint, n int, from_time timestamptz, share float8)
LANGUAGE sql
BEGIN ATOMIC
	INSERT INTO demo.reading_sent
	SELECT CASE WHEN f.kind IS NULL THEN r ELSE demo.reading_fault(r, f.kind) END, f.kind
	FROM demo.readings(first, n, from_time) AS r
	CROSS JOIN LATERAL (
		SELECT CASE WHEN demo.uniform((r).reading_id, 65) < share THEN
			(ARRAY['fahrenheit', 'swapped_position', 'no_position', 'battery_255', 'dropped', 'missing_values'])
			[1 + floor(demo.uniform((r).reading_id, 66) * 6)::int] END AS kind) AS f;
END;

CREATE VIEW demo.reading_live AS SELECT (r).* FROM demo.reading_sent;
CREATE VIEW demo.reading_truth AS SELECT (r).reading_id, kind FROM demo.reading_sent WHERE kind IS NOT NULL;
