package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.cli.DockerFiles.Instruction;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What can be said of the images and of the compose files without Docker. */
class DockerFolderTest {
    static final List<String> DOCKERFILES = DockerFiles.DOCKERFILES;
    static final List<String> COMPOSE = DockerFiles.COMPOSE;
    private static final String PINNED = "\\S+:[0-9][\\w.+-]*@sha256:[0-9a-f]{64}";

    @ParameterizedTest
    @FieldSource("DOCKERFILES")
    void basesAndDownloadsArePinnedByTagAndDigest(String dockerfile) {
        List<Instruction> instructions = DockerFiles.instructions(dockerfile);
        assertThat(named("FROM", instructions))
                .hasSizeGreaterThan(1)
                .allSatisfy(from -> assertThat(from.words().getFirst()).matches(PINNED));
        assertThat(named("ADD", instructions))
                .allSatisfy(add -> assertThat(add.rest()).matches("--checksum=sha256:[0-9a-f]{64} https://.*"));
        assertThat(DockerFiles.text(dockerfile)).doesNotContain(":latest");
    }

    @ParameterizedTest
    @FieldSource("DOCKERFILES")
    void whatIsCopiedIsThereAndNotIgnored(String dockerfile) throws Exception {
        List<String> ignored = Files.readAllLines(Golden.root().resolve(".dockerignore"));
        List<Instruction> copies = named("COPY", DockerFiles.instructions(dockerfile)).stream()
                .filter(copy -> !copy.rest().startsWith("--from"))
                .toList();
        assertThat(copies).isNotEmpty();
        for (Instruction copy : copies) {
            List<String> paths = copy.arguments();
            for (String source : paths.subList(0, paths.size() - 1)) {
                assertThat(Golden.root().resolve(source)).exists();
                assertThat(ignored).doesNotContain(source, source.replaceAll("/.*", ""));
            }
        }
        assertThat(ignored).containsSubsequence("test-data/*", "!test-data/slayer-tiny");
    }

    @ParameterizedTest
    @FieldSource("DOCKERFILES")
    void theBuildHasEveryModule(String dockerfile) throws Exception {
        String pom = Files.readString(Golden.root().resolve("pom.xml"));
        List<String> copied = named("COPY", DockerFiles.instructions(dockerfile)).stream()
                .map(copy -> copy.arguments().getFirst())
                .toList();
        assertThat(Stream.of("surgery", "training", "clients", "server")
                        .filter(module -> pom.contains("<module>" + module + "</module>")))
                .hasSize(pom.split("<module>", -1).length - 1)
                .isSubsetOf(copied);
    }

    @ParameterizedTest
    @FieldSource("DOCKERFILES")
    void theServerRunsWithoutRightsIsWatchedAndStopsBySigterm(String dockerfile) {
        List<Instruction> last = DockerFiles.lastStage(dockerfile);
        assertThat(named("USER", last))
                .singleElement()
                .satisfies(user -> assertThat(user.rest()).matches("[1-9][0-9]{3,}"));
        assertThat(last.indexOf(named("USER", last).getFirst()))
                .as("nothing runs as root after it")
                .isGreaterThan(last.lastIndexOf(named("RUN", last).getLast()));
        assertThat(named("STOPSIGNAL", last)).extracting(Instruction::rest).containsExactly("SIGTERM");
        assertThat(named("HEALTHCHECK", last))
                .singleElement()
                .satisfies(check -> assertThat(check.rest()).endsWith("CMD [\"/opt/slayer/health\"]"));
        assertThat(named("VOLUME", last))
                .singleElement()
                .satisfies(volume -> assertThat(volume.rest()).contains("/models", "/data"));
        assertThat(named("EXPOSE", last).getFirst().rest())
                .isEqualTo(DockerFiles.environment(dockerfile).get("SLAYER_PORT"));
    }

    @ParameterizedTest
    @FieldSource("DOCKERFILES")
    void variablesAreSettingsThatServeTakes(String dockerfile) {
        Map<String, String> environment = DockerFiles.environment(dockerfile);
        assertThat(environment.keySet())
                .isSubsetOf(ServeSettings.ALL.stream().map(Setting::variable).toList());
        ServeSettings settings = started(environment, List.of("serve"));
        assertThat(settings.http().host()).isEqualTo("0.0.0.0");
        assertThat(settings.folders().data()).contains(Path.of("/data"));
        assertThat(settings.folders().checkpoints()).containsExactly(Path.of("/models"));
    }

    @Test
    void theCommandsOfComposeAndOfTheReadmeAreThoseOfTheRealCommandLine() {
        Map<String, String> environment = DockerFiles.environment("Dockerfile");
        JsonNode server = DockerFiles.json("compose.yaml").at("/services/server");
        ServeSettings compose = started(environment, DockerFiles.words(server.get("command")));
        assertThat(compose.models().getFirst().name()).isEqualTo("slayer-tiny");
        List<List<String>> shown = DockerFiles.shownCommands();
        assertThat(shown).hasSize(2);
        assertThat(shown.stream()
                        .map(words ->
                                started(environment, words).models().getFirst().name()))
                .containsExactly("llama", "slayer");
    }

    @ParameterizedTest
    @FieldSource("COMPOSE")
    void imagesOfComposeArePinnedOrBuiltHere(String file) {
        for (JsonNode service : DockerFiles.json(file).get("services")) {
            if (service.has("build")) {
                assertThat(service.get("image").asText()).matches("slayer(-cuda)?:\\d+\\.\\d+\\.\\d+");
                assertThat(Golden.root().resolve(service.at("/build/dockerfile").asText()))
                        .isRegularFile();
            } else {
                assertThat(service.get("image").asText()).matches("\\S+:v?[0-9][\\w.]*@sha256:[0-9a-f]{64}");
            }
        }
    }

    @Test
    void composeMountsWhatIsThereAndPublishesOnThisMachineOnly() {
        JsonNode compose = DockerFiles.json("compose.yaml");
        Set<String> volumes = compose.get("volumes").properties().stream()
                .map(Map.Entry::getKey)
                .collect(Collectors.toSet());
        for (JsonNode service : compose.get("services")) {
            assertThat(DockerFiles.words(service.get("ports"))).allMatch(port -> port.startsWith("127.0.0.1:"));
            for (String volume : DockerFiles.words(service.get("volumes"))) {
                String source = volume.replaceFirst(":/.*", "");
                if (source.startsWith("./")) {
                    assertThat(DockerFiles.folder().resolve(source)).isDirectory();
                } else if (!source.startsWith("$")) {
                    assertThat(volumes).contains(source);
                }
            }
        }
    }

    @Test
    void prometheusAsksTheServerAndGrafanaFindsPrometheusAndTheDashboard() {
        JsonNode services = DockerFiles.json("compose.yaml").get("services");
        String port = DockerFiles.environment("Dockerfile").get("SLAYER_PORT");
        JsonNode prometheus = DockerFiles.json("prometheus/prometheus.yml");
        assertThat(DockerFiles.words(prometheus.at("/scrape_configs/0/static_configs/0/targets")))
                .containsExactly("server:" + port);
        assertThat(services.has("server")).isTrue();
        for (String rules : DockerFiles.words(prometheus.get("rule_files"))) {
            assertThat(DockerFiles.folder().resolve("prometheus").resolve(rules))
                    .isRegularFile();
        }
        JsonNode source = DockerFiles.json("grafana/provisioning/datasources/prometheus.yml")
                .at("/datasources/0");
        assertThat(source.get("url").asText()).isEqualTo("http://prometheus:9090");
        JsonNode dashboard = DockerFiles.json("grafana/dashboards/slayer.json");
        assertThat(dashboard.findValues("datasource"))
                .isNotEmpty()
                .allMatch(used -> used.get("uid").equals(source.get("uid")));
        String path = DockerFiles.json("grafana/provisioning/dashboards/slayer.yml")
                .at("/providers/0/options/path")
                .asText();
        assertThat(DockerFiles.words(services.at("/grafana/volumes"))).contains("./grafana/dashboards:" + path + ":ro");
        assertThat(services.at("/grafana/environment/GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH")
                        .asText())
                .isEqualTo(path + "/slayer.json");
    }

    private static List<Instruction> named(String name, List<Instruction> instructions) {
        return instructions.stream()
                .filter(instruction -> instruction.name().equals(name))
                .toList();
    }

    /** What the command line would start a server with; a folder of the image stands for one of this checkout. */
    private static ServeSettings started(Map<String, String> environment, List<String> command) {
        Asked asked = new Asked();
        String[] words = command.stream()
                .map(word -> word.replaceAll("\\$\\{\\w+:-([^}]*)}", "$1"))
                .map(word -> word.replace("/opt/slayer/", Golden.root() + "/"))
                .map(word -> word.replaceAll(
                        "/models/[\\w.-]+", Golden.checkpoint("slayer-tiny").toString()))
                .toArray(String[]::new);
        CommandRun run = CommandRun.of(asked, environment, words);
        assertThat(run.err()).as(String.join(" ", words)).isEqualToIgnoringNewLines("slayer: asked");
        return asked.settings;
    }

    /** Keeps what a server would be started with, and starts none. */
    private static final class Asked implements Servers {
        private ServeSettings settings;

        @Override
        public RunningServer start(ServeSettings given) {
            settings = given;
            throw new SlayerException(503, "asked", null, "asked", null);
        }

        @Override
        public RunningServer startStub(ServeSettings given) {
            return start(given);
        }
    }
}
