using System.Text.Json;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Terminals;
using NativeKubelet.Runtime;
using NativeKubelet.Tests.Unit.App.Server.Local;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class ImageVerbsTests
{
    private static readonly ImageRecord Web = FakeNode.Image("docker.io/library/web:1") with
    {
        RepoTags = ["docker.io/library/web:1", "docker.io/library/web:2"],
        RepoDigests = ["busybox@sha256:1"],
    };

    [Fact]
    public async Task Images_stand_in_a_table_with_the_pods_that_need_them()
    {
        await using FakeNode node = Used();

        VerbRun run = await VerbRun.Of(node, "images");

        Assert.Equal("""
            REPOSITORY             TAG  IMAGE ID      SIZE   USED BY
            docker.io/library/web  1    aaaaaaaaaaaa  4.1Mi  default/web
            docker.io/library/web  2    aaaaaaaaaaaa  4.1Mi  default/web

            """, run.Out);
        Assert.Equal("", (await VerbRun.Of(node, "images", "other", "-o", "name")).Out);
    }

    [Fact]
    public async Task Programs_get_documents()
    {
        await using FakeNode node = Used();

        using JsonDocument json = JsonDocument.Parse((await VerbRun.Of(node, "images", "-o", "json")).Out);

        JsonElement image = json.RootElement.GetProperty("images")[0];
        Assert.Equal(4_300_000, image.GetProperty("sizeBytes").GetInt64());
        Assert.Equal("default/web", image.GetProperty("usedBy")[0].GetString());
        Assert.StartsWith("images:\n- id: ", (await VerbRun.Of(node, "images", "-o", "yaml")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_in_use_is_not_removed_and_its_user_is_named()
    {
        await using FakeNode node = Used();

        VerbRun refused = await VerbRun.Of(node, "rmi", Web.Id, "docker.io/library/none:1");
        VerbRun forced = await VerbRun.Of(node, "rmi", "--force", "docker.io/library/web:1");

        Assert.Equal(1, refused.Code);
        Assert.Contains("is in use by default/web (container web); remove the pod first", refused.Error, StringComparison.Ordinal);
        Assert.Contains("no image \"docker.io/library/none:1\" on this node", refused.Error, StringComparison.Ordinal);
        Assert.Equal((0, $"deleted {Web.Id}\n"), (forced.Code, forced.Out));
    }

    [Fact]
    public async Task A_name_that_no_container_asked_for_may_go_when_another_stays()
    {
        await using FakeNode node = Used();

        VerbRun run = await VerbRun.Of(node, "rmi", "docker.io/library/web:2");

        Assert.Equal(0, run.Code);
    }

    [Fact]
    public async Task A_pull_tells_stages_in_lines_and_ends_with_the_image()
    {
        await using FakeNode node = Pulling();

        VerbRun run = await VerbRun.Of(node, "pull", "web:1");

        Assert.Equal($"""
            3f4a1c0b9d2e: downloading, 2.0Ki
            3f4a1c0b9d2e: done, 2.0Ki
            web:1  {Web.Id}  4.1Mi

            """, run.Out);
        using JsonDocument json = JsonDocument.Parse((await VerbRun.Of(node, "pull", "web:1", "-o", "json")).Out);
        Assert.Equal(Web.Id, json.RootElement.GetProperty("images")[0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task On_a_terminal_bars_are_painted_in_place_and_go_away()
    {
        await using FakeNode node = Pulling();

        string text = (await VerbRun.Of(node, new TerminalSize(24, 80), "pull", "web:1")).Out;

        Assert.Contains("3f4a1c0b9d2e  Downloading  [===============>              ]  1.0Ki / 2.0Ki\n\e[1A\e[J", text, StringComparison.Ordinal);
        Assert.Contains("3f4a1c0b9d2e  Done         [==============================]  2.0Ki\n\e[1A\e[Jweb:1  ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_failure_does_not_stop_the_others()
    {
        await using FakeNode node = new FakeNode().Start();
        node.OnPull = (name, _) => name == "bad" ? throw new ImageException("ErrImagePull", "bad: 404 not found") : Task.FromResult(FakeNode.Image(name));

        VerbRun run = await VerbRun.Of(node, "pull", "-q", "bad", "good:1");

        Assert.Equal(1, run.Code);
        Assert.Equal("nativekubelet pull: ErrImagePull: bad: 404 not found\n", run.Error);
        Assert.StartsWith("good:1  ", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_import_names_its_images_and_a_missing_file_asks_nobody()
    {
        await using FakeNode node = new FakeNode().Start();
        using TemporaryDirectory files = new();
        File.WriteAllText(files["hello.tar"], "");

        Assert.StartsWith("hello  sha256:", (await VerbRun.Of(node, "import", files["hello.tar"])).Out, StringComparison.Ordinal);
        VerbRun missing = await VerbRun.Of(node, "import", files["none.tar"]);
        Assert.Equal((1, $"nativekubelet import: {files["none.tar"]}: no such file or directory\n"), (missing.Code, missing.Error));
    }

    [Fact]
    public async Task Without_an_agent_the_data_directory_is_the_way_and_its_lock_is_respected()
    {
        await using FakeNode node = new();
        using TemporaryDirectory data = new();
        File.WriteAllText(data["broken.tar"], "no archive");

        VerbRun absent = await VerbRun.Of(node, "images");
        VerbRun nothing = await VerbRun.Of(node, "images", "--data-dir", data["none"]);
        VerbRun import = await VerbRun.Of(node, "import", data["broken.tar"], "--data-dir", data["new"]);
        VerbRun list = await VerbRun.Of(node, "images", "--data-dir", data["new"]);
        using FileLock agent = FileLock.TryTake(data["new/lock"], out _)!;
        VerbRun locked = await VerbRun.Of(node, "rmi", "web", "--data-dir", data["new"]);

        Assert.EndsWith("or name the data directory with --data-dir, to work on it without an agent\n", absent.Error, StringComparison.Ordinal);
        Assert.EndsWith("is no data directory: it has no images\n", nothing.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(data["none"]));
        Assert.Contains("broken.tar", import.Error, StringComparison.Ordinal);
        Assert.Equal((0, "no images\n"), (list.Code, list.Error));
        Assert.Contains($"is in use by process {Environment.ProcessId}", locked.Error, StringComparison.Ordinal);
    }

    private static FakeNode Used()
    {
        FakeNode node = new FakeNode().Start();
        node.Images = [Web];
        node.Instance(node.Publish("web"), 0, ContainerPhase.Running);
        return node;
    }

    private static FakeNode Pulling()
    {
        FakeNode node = new FakeNode().Start();
        node.OnPull = (name, progress) =>
        {
            progress!.Report(new("3f4a1c0b9d2e", 1024, 2048, "Downloading"));
            progress.Report(new("3f4a1c0b9d2e", 2048, 2048, "Done"));
            return Task.FromResult(FakeNode.Image(name));
        };
        return node;
    }
}
