-- The world of the demo: a seeded generator of two feeds.
--
-- Every value is a hash of a row number and a salt, so the same rows come out
-- on every machine and in every order of execution.  Nothing here knows aipipe.

CREATE SCHEMA demo;
COMMENT ON SCHEMA demo IS 'the demo''s generator, planted faults and truth: what a real site would not have';

-- A number in [0, 1) that belongs to row n and salt.
CREATE FUNCTION demo.uniform(n bigint, salt int) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(n, salt) & 9007199254740991)::float8 / 9007199254740992;

-- A draw of the standard normal distribution that belongs to row n and salt.
CREATE FUNCTION demo.normal(n bigint, salt int) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sqrt(-2 * ln(1 - demo.uniform(n, salt))) * cos(2 * pi() * demo.uniform(n, -salt));

-- Running sums of weights, scaled to end at 1: what width_bucket() picks from.
CREATE FUNCTION demo.cumulated(weights float8[]) RETURNS float8[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_agg(least(upto / total, 1) ORDER BY i)
        FROM (SELECT i, sum(w) OVER (ORDER BY i) AS upto, sum(w) OVER () AS total
              FROM unnest(weights) WITH ORDINALITY AS t(w, i)) s);

CREATE TABLE demo.country (
	i int PRIMARY KEY, country text, currency text, per_euro float8, vat float8,
	share float8, stores int, zone text, transit int);
INSERT INTO demo.country VALUES
	(1, 'DE', 'EUR', 1,    .19,  .28, 14, 'Europe/Berlin', 2),
	(2, 'FR', 'EUR', 1,    .20,  .17, 9,  'Europe/Paris', 3),
	(3, 'GB', 'GBP', .86,  .20,  .16, 8,  'Europe/London', 3),
	(4, 'IT', 'EUR', 1,    .22,  .10, 6,  'Europe/Rome', 4),
	(5, 'ES', 'EUR', 1,    .21,  .09, 5,  'Europe/Madrid', 4),
	(6, 'PL', 'PLN', 4.3,  .23,  .08, 5,  'Europe/Warsaw', 3),
	(7, 'SE', 'SEK', 11.3, .25,  .06, 3,  'Europe/Stockholm', 4),
	(8, 'CH', 'CHF', .96,  .081, .04, 2,  'Europe/Zurich', 3),
	(9, 'DK', 'DKK', 7.46, .25,  .02, 1,  'Europe/Copenhagen', 3);

CREATE TABLE demo.category (
	i int PRIMARY KEY, category text, price float8, spread float8, kg float8,
	pieces float8, share float8, returned float8);
INSERT INTO demo.category VALUES
	(1,  'apparel',     34,  .50, .4,  .8,  .18, 1.6),
	(2,  'shoes',       72,  .40, .9,  .2,  .10, 1.9),
	(3,  'electronics', 130, .85, 1.1, .1,  .13, .5),
	(4,  'books',       14,  .35, .45, 1.0, .12, -1.4),
	(5,  'grocery',     5,   .60, .6,  4.0, .12, -3.0),
	(6,  'beauty',      18,  .55, .2,  .9,  .09, -.4),
	(7,  'toys',        24,  .60, .7,  .5,  .07, -.1),
	(8,  'sports',      52,  .70, 1.8, .3,  .06, .4),
	(9,  'garden',      41,  .80, 5.5, .6,  .05, -.6),
	(10, 'office',      9,   .70, .5,  5.0, .04, -.9),
	(11, 'furniture',   240, .70, 24,  .1,  .03, .6),
	(12, 'pets',        21,  .55, 3.0, 1.2, .01, -1.2);

-- Who buys: a few customers often, many once.
CREATE FUNCTION demo.email(customer bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (ARRAY['anna','ben','clara','david','elena','felix','greta','hugo','ida','jan','karin','leo','marta','nils',
              'olga','paul','rosa','samir','tess','umut','vera','wim','yara','zoe'])[1 + floor(demo.uniform(customer, 71) * 24)::int]
       || '.' ||
       (ARRAY['almeida','bauer','costa','dubois','eriksson','ferrari','garcia','hansen','ivanova','jones','kowalski','lindberg',
              'meyer','novak','olsen','petit','rossi','schmidt','taylor','vidal','weber','young'])[1 + floor(demo.uniform(customer, 72) * 22)::int]
       || CASE WHEN demo.uniform(customer, 73) < .4 THEN (60 + floor(demo.uniform(customer, 74) * 45))::text ELSE '' END
       || '@' ||
       (ARRAY['mail.example','post.example','web.example','corp.example','uni.example'])
       [width_bucket(demo.uniform(customer, 75), ARRAY[0, .42, .67, .85, .95])];

-- The order feed, as the shops send it.
CREATE TABLE demo.order_shape (
	order_id      bigint,
	customer_id   int,
	email         text,
	country       text,
	currency      text,
	store         text,
	channel       text,
	payment       text,
	category      text,
	quantity      int,
	unit_price    numeric(12,2),
	discount      numeric(4,2),
	coupon        text,
	tax           numeric(12,2),
	amount        numeric(14,2),
	weight_kg     numeric(10,2),
	delivery_days int,
	placed_at     timestamptz,
	local_time    time);

-- n orders whose numbers begin at first, placed within some days: weekends are busy, nights are not, prices are log-normal.
CREATE FUNCTION demo.orders(first bigint, n int, from_day date, days int) RETURNS SETOF demo.order_shape
LANGUAGE sql STABLE
BEGIN ATOMIC
WITH odds AS MATERIALIZED (
	SELECT (SELECT demo.cumulated(array_agg(share ORDER BY i)) FROM demo.country) AS country,
	       (SELECT demo.cumulated(array_agg(share ORDER BY i)) FROM demo.category) AS category,
	       demo.cumulated(ARRAY[.6,.3,.15,.1,.1,.2,.6,1.4,2.4,3.4,4.2,4.8,5.2,4.8,4.4,4.4,4.8,5.6,6.4,7.2,7.4,6.0,3.6,1.6]) AS hour,
	       (SELECT demo.cumulated(array_agg((ARRAY[1.25,1.05,.95,.95,1.0,1.1,1.3])[1 + extract(dow FROM from_day + d)::int]::float8 ORDER BY d))
	        FROM generate_series(0, days - 1) AS d) AS day
), drawn AS (
	SELECT n.i, c.country, c.currency, c.per_euro, c.vat, c.stores, c.zone, c.transit,
	       g.category, g.price, g.spread, g.kg, g.pieces,
	       (from_day + least(width_bucket(demo.uniform(n.i, 3), odds.day), days - 1)
	        + make_interval(hours => least(width_bucket(demo.uniform(n.i, 4), odds.hour), 23),
	                        secs => floor(demo.uniform(n.i, 5) * 3600))) AS local_at,
	       (ARRAY['web','app','store','marketplace','phone'])[width_bucket(demo.uniform(n.i, 6), ARRAY[0, .38, .64, .84, .97])] AS channel
	FROM odds, generate_series(first, first + n - 1) AS n(i)
	JOIN demo.country c ON c.i = 1 + least(width_bucket(demo.uniform(n.i, 1), (SELECT country FROM odds)), 8)
	JOIN demo.category g ON g.i = 1 + least(width_bucket(demo.uniform(n.i, 2), (SELECT category FROM odds)), 11)
), bought AS (
	SELECT *, 1 + floor(8000 * demo.uniform(i, 7) ^ 2)::int * 9 + (transit + ascii(country)) % 9 AS customer_id,
	       CASE WHEN demo.uniform(i, 8) < .68 THEN 0 ELSE (ARRAY[.05, .1, .15, .2, .3])[1 + floor(demo.uniform(i, 9) * 5)::int] END::numeric(4,2) AS discount,
	       1 + floor(-ln(1 - demo.uniform(i, 10)) * pieces)::int AS quantity,
	       greatest(round((price * exp(spread * demo.normal(i, 11)) * per_euro)::numeric, 2), .5)::numeric(12,2) AS unit_price
	FROM drawn
), taxed AS (
	SELECT *, round(quantity * unit_price * (1 - discount), 2) AS net,
	       round(quantity * unit_price * (1 - discount) * vat::numeric, 2) AS tax
	FROM bought
)
SELECT first + row_number() OVER (ORDER BY local_at, i) - 1,
       customer_id, demo.email(customer_id), country, currency,
       country || CASE channel WHEN 'store' THEN '-' || lpad((1 + floor(demo.uniform(i, 12) ^ 1.6 * stores))::text, 2, '0') ELSE '-online' END,
       channel,
       CASE channel WHEN 'store' THEN CASE WHEN demo.uniform(i, 13) < .3 THEN 'cash' ELSE 'card' END
                    WHEN 'web' THEN (ARRAY['card','paypal','invoice'])[width_bucket(demo.uniform(i, 13), ARRAY[0, .5, .85])]
                    WHEN 'app' THEN CASE WHEN demo.uniform(i, 13) < .6 THEN 'card' ELSE 'paypal' END
                    WHEN 'phone' THEN CASE WHEN demo.uniform(i, 13) < .8 THEN 'invoice' ELSE 'card' END
                    ELSE 'partner' END,
       category, quantity, unit_price, discount,
       CASE WHEN discount > 0 AND demo.uniform(i, 14) < .6
            THEN (ARRAY['WELCOME','SPRING','FRIENDS','APP'])[1 + floor(demo.uniform(i, 15) * 4)::int] || (discount * 100)::int END,
       tax, net + tax,
       greatest(round((quantity * kg * exp(.2 * demo.normal(i, 16)))::numeric, 2), .01),
       CASE WHEN channel <> 'store' THEN transit + floor(-ln(1 - demo.uniform(i, 17)) * 1.3)::int + CASE category WHEN 'furniture' THEN 6 ELSE 0 END END,
       local_at AT TIME ZONE zone, local_at::time
FROM taxed;
END;

-- Was the order sent back?  Known a month later; depends on what was bought, how, and how long it took.
CREATE FUNCTION demo.returned(o demo.order_shape) RETURNS boolean
LANGUAGE sql STABLE
RETURN demo.uniform(o.order_id, 30) < 1 / (1 + exp(-(
	-2.6 + (SELECT g.returned FROM demo.category g WHERE g.category = o.category)
	+ 3 * o.discount::float8
	+ CASE o.payment WHEN 'invoice' THEN .9 WHEN 'cash' THEN -.8 ELSE 0 END
	+ CASE o.channel WHEN 'store' THEN -.9 WHEN 'app' THEN .3 ELSE 0 END
	+ .28 * least(coalesce(o.delivery_days, 2) - 3, 6)
	+ .5 * (o.quantity - 1) * (o.category = ANY (ARRAY['apparel', 'shoes']))::int)));

-- The second feed: what the boxes of the cold chain report on their way.
CREATE TABLE demo.reading_shape (
	reading_id  bigint,
	box         text,
	carrier     text,
	latitude    float8,
	longitude   float8,
	temperature real,
	humidity    real,
	shock_g     real,
	battery_v   real,
	signal_dbm  int,
	measured_at timestamptz);

-- n readings of 400 boxes, 10 seconds apart.
CREATE FUNCTION demo.readings(first bigint, n int, from_time timestamptz) RETURNS SETOF demo.reading_shape
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT i, 'BX' || lpad(box::text, 4, '0'),
       (ARRAY['nordline','parcelo','swiftair'])[1 + box % 3],
       round((47.5 + 4 * demo.uniform(box, 41) + .3 * demo.normal(i, 42))::numeric, 4),
       round((3 + 11 * demo.uniform(box, 43) + .4 * demo.normal(i, 44))::numeric, 4),
       round((4.2 + .5 * demo.normal(box, 45) + .6 * demo.normal(i, 46)
              + .8 * sin(extract(hour FROM from_time + i % n * interval '10 seconds')::float8 * pi() / 12))::numeric, 1),
       round(least(62 + 6 * demo.normal(box, 47) + 3 * demo.normal(i, 48), 99)::numeric, 1),
       round((.05 - ln(1 - demo.uniform(i, 49)) * .22)::numeric, 2),
       round((3.95 - .5 * demo.uniform(box, 50) + .02 * demo.normal(i, 51))::numeric, 2),
       (-71 - 8 * demo.uniform(box, 52) + 3 * demo.normal(i, 53))::int,
       from_time + i % n * interval '10 seconds'
FROM (SELECT i, 1 + floor(demo.uniform(i, 40) * 400)::bigint AS box
      FROM generate_series(first, first + n - 1) AS i) s;
END;
