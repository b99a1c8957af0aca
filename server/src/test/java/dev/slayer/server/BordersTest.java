package dev.slayer.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The borders between modules and packages, as docs/lifecycle.md draws them. */
class BordersTest {
    private static JavaClasses classes;

    @BeforeAll
    static void read() {
        classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("dev.slayer");
        assertThat(classes.stream().map(type -> type.getPackageName()))
                .contains("dev.slayer.surgery.checkpoint", "dev.slayer.server.engine", "dev.slayer.server.onnx");
    }

    @Test
    void surgeryKnowsNeitherTheServerNorHttpNorANativeRuntime() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.surgery..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.slayer.server..",
                        "dev.slayer.training..",
                        "dev.slayer.clients..",
                        "io.vertx..",
                        "io.netty..",
                        "ai.djl..",
                        "ai.onnxruntime.."));
    }

    @Test
    void onlyTheBindingsCallNativeCode() {
        check(noClasses()
                .that()
                .resideOutsideOfPackages(
                        "dev.slayer.server.onnx..", "dev.slayer.server.accelerator..", "dev.slayer.training.torch..")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.Linker"));
        check(noClasses().should().dependOnClassesThat().resideInAPackage("ai.onnxruntime.."));
    }

    @Test
    void onlyJobsAndTheCommandLineTrainAndTheyKnowRunsAndDataOnly() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.server..")
                .and()
                .resideOutsideOfPackages("dev.slayer.server.jobs..", "dev.slayer.server.cli..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.slayer.training.."));
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.server..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.slayer.training.torch..",
                        "dev.slayer.training.model..",
                        "dev.slayer.training.method..",
                        "dev.slayer.training.optimize.."));
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.training..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.slayer.server.."));
    }

    @Test
    void jobsKnowNeitherHttpNorTheEngine() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.server.jobs..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.slayer.server.api..", "dev.slayer.server.cli..", "dev.slayer.server.engine.."));
    }

    @Test
    void onlyBlocksUseTheBinding() {
        check(noClasses()
                .that()
                .resideOutsideOfPackages(
                        "dev.slayer.server.onnx..",
                        "dev.slayer.server.engine.block..",
                        "dev.slayer.server.engine.packed..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.slayer.server.onnx.."));
    }

    @Test
    void theBindingKnowsNothingOfModels() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.server.onnx..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.slayer.server.engine..",
                        "dev.slayer.server.api..",
                        "dev.slayer.server.text..",
                        "dev.slayer.surgery.checkpoint..",
                        "dev.slayer.surgery.layout.."));
    }

    @Test
    void onlyApiKnowsVertx() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("dev.slayer.server.api..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.vertx..", "io.netty.."));
    }

    @Test
    void onlyTextKnowsTokenizersAndTemplates() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("dev.slayer.server.text..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("ai.djl..", "com.hubspot.."));
    }

    @Test
    void theEngineKnowsNeitherHttpNorTheCommandLine() {
        check(noClasses()
                .that()
                .resideInAnyPackage("dev.slayer.server.engine..", "dev.slayer.server.text..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.slayer.server.api..", "dev.slayer.server.cli.."));
    }

    @Test
    void theApiKnowsTheEngineButNotItsBlocksAndNotTheCommandLine() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.server.api..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.slayer.server.engine.block..", "dev.slayer.server.cli.."));
    }

    @Test
    void onlyTheStoreKnowsTheDatabaseAndItKnowsNobodyOfTheServer() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("dev.slayer.server.store..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.h2..", "java.sql..", "javax.sql.."));
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.server.store..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.slayer.server.api..",
                        "dev.slayer.server.cli..",
                        "dev.slayer.server.engine..",
                        "dev.slayer.server.jobs..",
                        "dev.slayer.server.text.."));
    }

    @Test
    void onlyTheBundleWritesArchives() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("dev.slayer.server.cli.bundle..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.apache.commons.compress.."));
    }

    @Test
    void guidesKnowVocabulariesAndNothingElseOfTheServer() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.server.guide..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.slayer.server.api..", "dev.slayer.server.cli..", "dev.slayer.server.engine.."));
        check(noClasses()
                .that()
                .resideOutsideOfPackage("dev.slayer.server.guide..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.apache.lucene.."));
    }

    @Test
    void trainingDataIsPlainJavaAndAloneReadsParquet() {
        check(noClasses()
                .that()
                .resideInAPackage("dev.slayer.training.data..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.slayer.server..",
                        "dev.slayer.training.torch..",
                        "dev.slayer.training.model..",
                        "org.bytedeco.."));
        check(noClasses()
                .that()
                .resideOutsideOfPackage("dev.slayer.training.data..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache.parquet..", "com.github.luben..", "org.xerial.."));
    }

    private static void check(ArchRule rule) {
        rule.check(classes);
    }
}
