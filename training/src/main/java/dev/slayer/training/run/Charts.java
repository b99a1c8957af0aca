package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.LayerTensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.knowm.xchart.ChartEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Pictures of a run, as SVG. */
final class Charts {
    private static final String TRAINING = "training";
    private static final int WIDTH = 900;
    private static final int HEIGHT = 500;

    private Charts() {}

    /** The losses of a run: training, and each domain of validation. */
    static String losses(RunRecord record, String title) {
        Map<String, List<double[]>> lines = new LinkedHashMap<>();
        record.steps()
                .forEach(step -> lines.computeIfAbsent(TRAINING, _ -> new ArrayList<>())
                        .add(new double[] {(double) step.step(), step.loss()}));
        record.validations()
                .forEach(validation -> new TreeMap<>(validation.losses())
                        .forEach((domain, loss) -> lines.computeIfAbsent(domain, _ -> new ArrayList<>())
                                .add(new double[] {(double) validation.step(), loss})));
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .xAxisTitle("step")
                .yAxisTitle("loss, nats a token")
                .build();
        lines.forEach((name, points) -> chart.addSeries(
                        name,
                        points.stream().mapToDouble(point -> point[0]).toArray(),
                        points.stream().mapToDouble(point -> point[1]).toArray())
                .setMarker(name.equals(TRAINING) ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE));
        return svg(chart);
    }

    /** Ranks that AdaLoRA has left, by matrix and slot: the paper's Figure 4. */
    static String ranks(Map<Integer, Map<LayerTensor, Integer>> ranks) {
        List<Integer> slots = List.copyOf(ranks.keySet());
        List<LayerTensor> matrices =
                List.copyOf(ranks.values().iterator().next().keySet());
        List<Number[]> cells = new ArrayList<>();
        for (int x = 0; x < slots.size(); x++) {
            for (int y = 0; y < matrices.size(); y++) {
                cells.add(new Number[] {x, y, ranks.get(slots.get(x)).get(matrices.get(y))});
            }
        }
        HeatMapChart chart = new HeatMapChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title("rank left by AdaLoRA")
                .xAxisTitle("slot")
                .yAxisTitle("matrix")
                .build();
        chart.getStyler().setShowValue(true);
        chart.addSeries(
                "rank", slots, matrices.stream().map(MethodPlan::shortName).toList(), cells);
        return svg(chart);
    }

    private static String svg(Chart<?, ?> chart) {
        try {
            return new String(ChartEncoder.getBytes(chart, "svg"), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw SlayerException.internal("a chart cannot be drawn: " + e, e);
        }
    }
}
