package dev.slayer.server.text;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.InterpreterFactory;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.loader.ResourceNotFoundException;
import com.hubspot.jinjava.tree.TagNode;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Jinjava, set up as transformers sets up Jinja for chat templates, and closed: no files, no Java classes or methods, bounded time,
 * depth and sizes. Messages are values, never templates.
 */
final class TemplateEngine {
    private static final long MAX_OUTPUT = 16 << 20;
    private static final int MAX_ITEMS = 100_000;
    private static final long MAX_NANOS = 2_000_000_000L;
    private static final int MAX_DEPTH = 40;
    private static final Set<String> FILE_TAGS = Set.of("include", "import", "from", "extends", "block");

    private final Jinjava jinjava;

    TemplateEngine(Clock clock) {
        LegacyOverrides pythonic = LegacyOverrides.newBuilder()
                .withEvaluateMapKeys(true)
                .withIterateOverMapKeys(true)
                .withUseNaturalOperatorPrecedence(true)
                .withParseWhitespaceControlStrictly(true)
                .withAllowAdjacentTextNodes(true)
                .withUseTrimmingForNotesAndExpressions(true)
                .withKeepNullableLoopValues(true)
                .withHandleBackslashInQuotesOnly(true)
                .build();
        JinjavaConfig config = JinjavaConfig.newBuilder()
                .withKeepTrailingNewline(true)
                .withNestedInterpretationEnabled(false)
                .withLegacyOverrides(pythonic)
                .withElResolver(new PythonResolver())
                .withDisabled(Map.of(Context.Library.TAG, FILE_TAGS))
                .withMaxOutputSize(MAX_OUTPUT)
                .withMaxStringLength(MAX_OUTPUT)
                .withMaxListSize(MAX_ITEMS)
                .withMaxMapSize(MAX_ITEMS)
                .withRangeLimit(MAX_ITEMS)
                .withMaxRenderDepth(MAX_DEPTH)
                .withMaxMacroRecursionDepth(MAX_DEPTH)
                .withDateTimeProvider(clock::millis)
                .withTimeZone(clock.getZone())
                .withLocale(Locale.ENGLISH)
                .withInterperterFactory(new BoundedFactory())
                .build();
        jinjava = new Jinjava(config);
        jinjava.setResourceLocator((name, encoding, interpreter) -> {
            throw new ResourceNotFoundException("chat templates cannot read files");
        });
        jinjava.registerFilter(new PythonJson());
        PythonFilter.all().forEach(jinjava::registerFilter);
        jinjava.registerTag(new GenerationTag());
        jinjava.registerFunction(function("raise_exception"));
        jinjava.registerFunction(function("strftime_now"));
    }

    private static ELFunctionDefinition function(String name) {
        return new ELFunctionDefinition("", name, Functions.class, name, String.class);
    }

    /**
     * Renders.
     *
     * @throws TemplateRefusal with the reason, if the template raises one, is malformed, or exceeds a bound
     */
    String render(String source, Map<String, Object> variables) {
        RenderResult result;
        try {
            result = jinjava.renderForResult(TemplateSource.plain(source), variables);
        } catch (StackOverflowError e) {
            throw new TemplateRefusal("the chat template is nested too deeply");
        }
        for (TemplateError error : result.getErrors()) {
            throw refusal(error);
        }
        return result.getOutput();
    }

    private static TemplateRefusal refusal(TemplateError error) {
        for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
            if (cause instanceof TemplateRefusal refusal) {
                return refusal;
            }
        }
        return new TemplateRefusal("line " + error.getLineno() + " of the chat template: " + error.getMessage());
    }

    /** Global functions of the templates; Jinjava finds them by name. */
    public static final class Functions {
        private Functions() {}

        /** The template refuses its input. */
        public static String raise_exception(String message) {
            throw new TemplateRefusal(message);
        }

        /** The present time in the manner of strftime(3). */
        public static String strftime_now(String format) {
            JinjavaConfig config = JinjavaInterpreter.getCurrent().getConfig();
            var now =
                    java.time.Instant.ofEpochMilli(config.getDateTimeProvider().getCurrentTimeMillis());
            return strftime(ZonedDateTime.ofInstant(now, config.getTimeZone()), format);
        }
    }

    static String strftime(ZonedDateTime time, String format) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            boolean bare = format.charAt(i + 1) == '-' && i + 2 < format.length();
            i += bare ? 2 : 1;
            String text = field(time, format.charAt(i));
            out.append(bare ? text.replaceFirst("^0+(?=.)", "") : text);
        }
        return out.toString();
    }

    private static String field(ZonedDateTime time, char field) {
        String pattern = switch (field) {
            case 'Y' -> "yyyy";
            case 'y' -> "yy";
            case 'm' -> "MM";
            case 'd' -> "dd";
            case 'B' -> "MMMM";
            case 'b', 'h' -> "MMM";
            case 'A' -> "EEEE";
            case 'a' -> "EEE";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'p' -> "a";
            case 'j' -> "DDD";
            case 'F' -> "yyyy-MM-dd";
            case 'T' -> "HH:mm:ss";
            case 'D' -> "MM/dd/yy";
            case 'z' -> "xx";
            case 'Z' -> "z";
            case '%' -> "'%'";
            default -> throw new TemplateRefusal("strftime_now does not know %" + field);
        };
        return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time.truncatedTo(ChronoUnit.SECONDS));
    }

    /** {@code {% generation %}} marks the assistant's text for training; here it only renders. */
    private static final class GenerationTag implements Tag {
        private static final long serialVersionUID = 1L;

        @Override
        public String getName() {
            return "generation";
        }

        @Override
        public String interpret(TagNode node, JinjavaInterpreter interpreter) {
            StringBuilder out = new StringBuilder();
            node.getChildren().forEach(child -> out.append(child.render(interpreter)));
            return out.toString();
        }
    }

    private static final class BoundedFactory implements InterpreterFactory {
        @Override
        public JinjavaInterpreter newInstance(JinjavaInterpreter original) {
            return new Bounded((Bounded) original);
        }

        @Override
        public JinjavaInterpreter newInstance(Jinjava application, Context context, JinjavaConfig config) {
            return new Bounded(application, context, config);
        }
    }

    /** An interpreter that looks at the clock before every expression, and writes truth values as Python does. */
    private static final class Bounded extends JinjavaInterpreter {
        private final long deadline;

        Bounded(Jinjava application, Context context, JinjavaConfig config) {
            super(application, context, config);
            this.deadline = System.nanoTime() + MAX_NANOS;
        }

        Bounded(Bounded original) {
            super(original);
            this.deadline = original.deadline;
        }

        @Override
        public Object resolveELExpression(String expression, int line) {
            inTime();
            return super.resolveELExpression(expression, line);
        }

        @Override
        public Object resolveELExpression(String expression, int line, int position) {
            inTime();
            return super.resolveELExpression(expression, line, position);
        }

        private void inTime() {
            if (System.nanoTime() - deadline > 0) {
                throw new TemplateRefusal("the chat template runs longer than " + MAX_NANOS / 1_000_000_000L + " s");
            }
        }

        @Override
        public String getAsString(Object value) {
            return value instanceof Boolean truth ? (truth ? "True" : "False") : super.getAsString(value);
        }
    }
}
