package dev.slayer.surgery.layout;

import dev.slayer.surgery.layout.Recipe.Donor;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Finds the recipe that stands for all that say the same.
 *
 * <p>Means, lerps and linear sums are one family, weighted sums of layers, and each sum has one way to be written. The other
 * merges are computed in other ways and keep their names; of them only what changes nothing is left out.
 */
final class Canonical {
    private Canonical() {}

    static Recipe of(Recipe recipe) {
        return switch (recipe) {
            case Recipe.Plain plain -> plain;
            case Recipe.Zero zero -> zero;
            case Recipe.Average(List<LayerRef> layers) -> average(layers);
            case Recipe.AverageZero(List<LayerRef> layers) -> averageZero(layers);
            case Recipe.Lerp(LayerRef first, LayerRef second, BigDecimal t) ->
                sum(List.of(donor(first, BigDecimal.ONE.subtract(t)), donor(second, t)));
            case Recipe.Slerp slerp -> slerp(slerp);
            case Recipe.Linear(List<Donor> donors) -> sum(donors);
            case Recipe.Task(LayerRef base, List<Donor> donors) -> task(base, donors);
            case Recipe.Ties(LayerRef base, List<Donor> donors) -> ties(base, donors);
            case Recipe.Dare dare -> dare(dare);
        };
    }

    private static Recipe average(List<LayerRef> layers) {
        SortedMap<LayerRef, Integer> times = reduced(layers);
        if (times.size() == 1) {
            return new Recipe.Plain(times.firstKey());
        }
        int all = times.values().stream().mapToInt(Integer::intValue).sum();
        boolean uneven = all > times.size();
        if (uneven && times.values().stream().allMatch(part -> Decimals.divides(part, all))) {
            return sum(times.entrySet().stream()
                    .map(entry -> donor(entry.getKey(), Decimals.quotient(entry.getValue(), all)))
                    .toList());
        }
        return new Recipe.Average(spread(times));
    }

    private static Recipe averageZero(List<LayerRef> layers) {
        SortedMap<LayerRef, Integer> times = reduced(layers);
        return times.size() == 1 ? new Recipe.Zero(times.firstKey()) : new Recipe.AverageZero(spread(times));
    }

    /** How often each layer counts, in lowest terms: the mean of 7, 7, 8, 8 is that of 7, 8. */
    private static SortedMap<LayerRef, Integer> reduced(List<LayerRef> layers) {
        SortedMap<LayerRef, Integer> times = new TreeMap<>();
        layers.forEach(layer -> times.merge(layer, 1, Integer::sum));
        int divisor = times.values().stream()
                .map(BigInteger::valueOf)
                .reduce(BigInteger.ZERO, BigInteger::gcd)
                .intValueExact();
        times.replaceAll((layer, count) -> count / divisor);
        return times;
    }

    private static List<LayerRef> spread(SortedMap<LayerRef, Integer> times) {
        List<LayerRef> layers = new ArrayList<>();
        times.forEach((layer, count) -> {
            for (int i = 0; i < count; i++) {
                layers.add(layer);
            }
        });
        return layers;
    }

    /** A weighted sum of layers: as a layer, a mean or a lerp where it is one. */
    private static Recipe sum(List<Donor> donors) {
        SortedMap<LayerRef, BigDecimal> weights = weights(donors);
        if (weights.isEmpty()) {
            throw new IllegalArgumentException(
                    "the weights of this recipe add up to 0, so that nothing is left; leave the slot out, or write zero(...)");
        }
        boolean one = weights.values().stream()
                        .reduce(BigDecimal.ZERO, BigDecimal::add)
                        .compareTo(BigDecimal.ONE)
                == 0;
        if (one && weights.size() == 1) {
            return new Recipe.Plain(weights.firstKey());
        }
        if (one && equal(weights.values())) {
            return new Recipe.Average(List.copyOf(weights.keySet()));
        }
        if (one && weights.size() == 2 && weights.values().stream().allMatch(weight -> weight.signum() > 0)) {
            return new Recipe.Lerp(weights.firstKey(), weights.lastKey(), weights.get(weights.lastKey()));
        }
        return new Recipe.Linear(donors(weights));
    }

    private static boolean equal(Collection<BigDecimal> weights) {
        return weights.stream().map(BigDecimal::stripTrailingZeros).distinct().count() == 1;
    }

    private static Recipe slerp(Recipe.Slerp slerp) {
        LayerRef low = slerp.first();
        LayerRef high = slerp.second();
        if (slerp.t().signum() == 0 || low.equals(high)) {
            return new Recipe.Plain(low);
        }
        if (Decimals.isOne(slerp.t())) {
            return new Recipe.Plain(high);
        }
        return low.compareTo(high) < 0 ? slerp : new Recipe.Slerp(high, low, BigDecimal.ONE.subtract(slerp.t()));
    }

    private static Recipe task(LayerRef base, List<Donor> donors) {
        List<Donor> left = donors(weights(effective(base, donors)));
        return left.isEmpty() ? new Recipe.Plain(base) : new Recipe.Task(base, left);
    }

    private static Recipe ties(LayerRef base, List<Donor> donors) {
        List<Donor> left = effective(base, donors).stream()
                .sorted(Comparator.comparing(Donor::layer)
                        .thenComparing(Donor::weight)
                        .thenComparing(Donor::density))
                .toList();
        return left.isEmpty() ? new Recipe.Plain(base) : new Recipe.Ties(base, left);
    }

    /** The order decides which random numbers a donor gets, so it stays, and with it the donors without effect. */
    private static Recipe dare(Recipe.Dare dare) {
        if (effective(dare.base(), dare.donors()).isEmpty()) {
            return new Recipe.Plain(dare.base());
        }
        boolean nothingDropped = dare.donors().stream().allMatch(donor -> Decimals.isOne(donor.density()));
        return nothingDropped ? task(dare.base(), dare.donors()) : dare;
    }

    /** Donors that differ from the base and have a weight. */
    private static List<Donor> effective(LayerRef base, List<Donor> donors) {
        return donors.stream()
                .filter(donor -> !donor.layer().equals(base) && donor.weight().signum() != 0)
                .toList();
    }

    /** Weights by layer, added up where a layer occurs twice; none is 0. */
    private static SortedMap<LayerRef, BigDecimal> weights(List<Donor> donors) {
        SortedMap<LayerRef, BigDecimal> weights = new TreeMap<>();
        donors.forEach(donor -> weights.merge(donor.layer(), donor.weight(), BigDecimal::add));
        weights.values().removeIf(weight -> weight.signum() == 0);
        return weights;
    }

    private static List<Donor> donors(SortedMap<LayerRef, BigDecimal> weights) {
        return weights.entrySet().stream()
                .map(entry -> donor(entry.getKey(), entry.getValue()))
                .toList();
    }

    private static Donor donor(LayerRef layer, BigDecimal weight) {
        return new Donor(layer, weight, BigDecimal.ONE);
    }
}
