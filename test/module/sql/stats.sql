-- Statistics against statsmodels 0.14.6 and scipy 1.17.1 (DeLong: the 1988 paper's formulas in numpy; Wald's interval beside McNemar's test: scipy;
-- bootstrap: numpy with common/pg_prng.c's generator written again), computed once in float64.
SET search_path = aipipe_test, public;

-- at most a billionth apart, of the value or of one
CREATE FUNCTION close(got float8[], expected float8[]) RETURNS bool LANGUAGE sql AS $$
    SELECT cardinality(got) >= cardinality(expected) AND bool_and(abs(g - e) <= 1e-9 * CASE WHEN abs(e) > 1e-300 AND abs(e) < 1e-3 THEN abs(e) ELSE greatest(abs(e), 1) END)
    FROM unnest(expected) WITH ORDINALITY x(e, n), LATERAL (SELECT got[n]) y(g) $$;

-- counts, shares, distributions
SELECT what, CASE WHEN close(stats(f, a::float8[]), e::float8[]) THEN 'equal' ELSE stats(f, a::float8[])::text END AS result FROM (VALUES
    ('mcnemar 148, 47, method 0', 'mcnemar', '{148,47,0}', '{47.0,2.2680255411544149e-13}'),
    ('mcnemar 148, 47, method 1', 'mcnemar', '{148,47,1}', '{51.282051282051285,8.000378447994628e-13}'),
    ('mcnemar 148, 47, method 2', 'mcnemar', '{148,47,2}', '{52.312820512820515,4.732745753994934e-13}'),
    ('mcnemar 3, 9, method 0', 'mcnemar', '{3,9,0}', '{3.0,0.14599609375}'),
    ('mcnemar 3, 9, method 1', 'mcnemar', '{3,9,1}', '{2.0833333333333335,0.14891467317876161}'),
    ('mcnemar 3, 9, method 2', 'mcnemar', '{3,9,2}', '{3.0,0.08326451666355042}'),
    ('mcnemar 5, 5, method 0', 'mcnemar', '{5,5,0}', '{5.0,1.0}'),
    ('mcnemar 5, 5, method 1', 'mcnemar', '{5,5,1}', '{0.1,0.7518296340458492}'),
    ('mcnemar 5, 5, method 2', 'mcnemar', '{5,5,2}', '{0.0,1.0}'),
    ('two shares', 'two_shares', '{4246,5000,4145,5000}', '{2.7487579040730235,0.005982155243456082}'),
    ('two shares, few', 'two_shares', '{30,400,12,350}', '{2.419358325613135,0.015547915954963722}'),
    ('wilson', 'wilson', '{4246,5000,0.05}', '{0.8390130834959849,0.8588507534655873}'),
    ('wilson, none', 'wilson', '{0,20,0.01}', '{0,0.24910540109875348}'),
    ('sample size', 'sample_size', '{0.10,0.12,0.05,0.8}', '{3834.595739884031}'),
    ('sample size, large', 'sample_size', '{0.5,0.4,0.01,0.95}', '{878.7351836491496}'),
    ('sample ratio', 'sample_ratio', '{5013,4987,0.5,0.5}', '{0.0676,0.794863773596479}'),
    ('sample ratio, off', 'sample_ratio', '{9200,800,0.9,0.1}', '{44.44444444444444,2.6167849372106072e-11}'),
    ('sample ratio, four', 'sample_ratio', '{1010,1980,3050,4100,0.1,0.2,0.3,0.4}', '{1.6502301117685734,0.6480548579104641}'),
    ('beta-binomial 3, 50, 1, 200', 'beta_binomial', '{3,50,1,200,0}', '{0.007617567042398687}'),
    ('beta-binomial 13, 5000, 6, 4995', 'beta_binomial', '{13,5000,6,4995,0}', '{0.047977492243668984}'),
    ('beta-binomial 12, 300, 1.2, 49.8', 'beta_binomial', '{12,300,1.2,49.8,0}', '{0.20118477982090788}'),
    ('beta-binomial, none, too many', 'beta_binomial', '{0,10,1,1,0}', '{1}'),
    ('distributions 0.3, 7, 12', 'distributions', '{0.3,7,12}', '{-0.5244005127080409,0.04582230688865106,0.27830360329346215,6.358310378185098e-06,-0.5491096579472854,0.99051062887}'),
    ('distributions 0.999, 2.5, 0.7', 'distributions', '{0.999,2.5,0.7}', '{3.090232306167813,0.924313272801667,0.9840694524243256,0.543404943189548,13.82219311086596,1.0}'),
    ('distributions 0.5, 1000, 980', 'distributions', '{0.5,1000,980}', '{0.0,0.7343959611178195,0.32651206455336296,0.0,0.0,1.0}'),
    ('distributions 1e-09, 30, 31', 'distributions', '{1e-09,30,31}', '{-5.9978070150076865,0.40465217903438916,1.1826457813137396e-253,2.408393251556205e-24,-8.445862796274243,1.0}')
) g(what, f, a, e);

-- of a million, against 60 digits of Python's decimal: lgamma() of such numbers is off by a billionth or more, by how much is the C library's
SELECT abs((stats('beta_binomial', '{9000,1000000,9001,990000,0}'))[1] - 0.529856068361274) < 1e-8 AS equal;

-- shares of the same rows with McNemar's test
SELECT close(stats('mcnemar_difference', '{5000,4098,148,47,0,0.05}'), '{0.8492,0.829,0.0202,0.014754829201028219,0.02564517079897178,47,2.2680255411544149e-13}') AS equal;

-- means of the same rows: t test, its interval, and the normal interval of the mean
SELECT close(stats('paired_t', array_agg((i * 37 % 23 - 11) / 8.0 + 0.25 ORDER BY i)), '{0.25,0.0,0.25,-0.012068151781078895,0.5120681517810789,1.929546671629175,0.0609609993370868,-0.00394099211982224,0.5039409921198222}') AS equal FROM generate_series(1, 40) i;

-- areas under ROC curves, with many ties
CREATE TEMP TABLE scored AS SELECT *, ARRAY(SELECT x + i * 17 % 97 / 1000.0 FROM unnest(a) WITH ORDINALITY u(x, i) ORDER BY i) AS fine_a,
       ARRAY(SELECT x + i * 19 % 89 / 1000.0 FROM unnest(b) WITH ORDINALITY u(x, i) ORDER BY i) AS fine_b FROM (
SELECT array_agg(y::float8 ORDER BY i) AS y, array_agg(((i * 37 % 101 + y * 35 + i * 29 % 41) / 6) / 30::float8 ORDER BY i) AS a,
       array_agg(((i * 41 % 89 + y * 20 + i * 31 % 43) / 5) / 30::float8 ORDER BY i) AS b
FROM (SELECT i, (i * 53 % 97 < 30 + i * 37 % 101 * 0.4)::int AS y FROM generate_series(1, 300) i) s) t;
SELECT close(stats_delong(a, b, y), '{0.8431813125695217,0.7357508342602892,0.10743047830923247,0.03560985964965464,0.1792510969688103,2.9317467916287208,0.003370614390321192,0.00047246983566067563,0.0007964299907263968,0.0013427714588158583,0.8005788077404555,0.8857838173985878}') AS equal FROM scored;

-- resamples: one seed, one result
SELECT close(stats_bootstrap('mean', fine_a, fine_b, y, 200, 7), '{0.51815,0.5314666666666666,-0.013316666666666643,-0.03979216666666663,0.014153583333333282,-0.9357613406644676,0.30845771144278605,0.49592633333333336,0.5422817222222223,0.5116153888888888,0.5553032777777778,200.0}') AS mean,
       close(stats_bootstrap('root', fine_a, fine_b, y, 200, 8), '{0.7198263679527168,0.7290176038112294,-0.009191235858512559,-0.029788387761655738,0.007861378224213315,-0.9067890584892496,0.26865671641791045,0.6986572029181823,0.7349643121662256,0.7146264497400117,0.7473048418812612,200.0}') AS root,
       close(stats_bootstrap('auc', a, b, y, 200, 9), '{0.8431813125695217,0.7357508342602892,0.10743047830923247,0.04115163957414934,0.1840240969221861,2.8292350078745527,0.009950248756218905,0.8076938064868375,0.8861939046451914,0.6764125206004187,0.7841161408323534,200.0}') AS auc FROM scored;

-- no difference, no rows, one class, one row of a class
SELECT stats('mcnemar', '{0,0,0}'), stats('mcnemar', '{0,0,2}'), stats('sample_ratio', '{0,0,0.5,0.5}'),
       stats('sample_ratio', '{10,1,1,0}'), stats('two_shares', '{5,5,7,7}'), stats('sample_size', '{0.5,0.5,0.05,0.8}');
SELECT stats_delong('{0.1,0.7,0.4}', '{0.1,0.7,0.4}', '{0,1,0}'), stats_delong('{0.1,0.7}', '{0.7,0.1}', '{1,1}');
SELECT (stats_delong(a, a, y))[3:7] AS same FROM scored;
SELECT (stats_bootstrap('auc', a, a, y, 50, 1))[3:7] AS same FROM scored;
SELECT stats_bootstrap('auc', '{0.1,0.7}', '{0.7,0.1}', '{1,1}', 20, 1);
SELECT stats('paired_t', '{1}'), stats('distributions', '{0,-1,-1}'), stats('distributions', '{2,0,1}');

-- Kolmogorov's distribution: scipy.stats 1.17.1's kstwobign.sf
SELECT bool_and(abs(got - want) <= 1e-9 * want) AS as_scipy
FROM unnest(stats('kolmogorov', '{0.03,0.3,0.5,0.8,0.99,1,1.3581,2,5}'), '{1,0.9999906941986655,0.9639452436648751,0.5441424115741981,0.2808738392255489,0.26999967167735456,0.0499996304316674,0.0006709252557796953,3.8574996959278356e-22}'::float8[]) AS v(got, want);
