using System.Text.Json;
using NativeKubelet.Api.Local;
using NativeKubelet.Config;
using NativeKubelet.Tests.Unit.App.Server.Local;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class ConfigVerbTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Each_value_names_the_last_that_set_it()
    {
        string file = Write("config.yaml", """
            maxPods: 20
            syncFrequency: 60s
            fileCheckFrequency: 0s
            staticPodPath: /pods
            containerLogMaxFiles: 3
            evictionHard:
              memory.available: 5%
            staticPodURLHeader:
              Authorization: [secret]
            """);
        string dropIn = Write("conf.d/10.conf", "containerLogMaxFiles: 7\nserializeImagePulls: false\n");
        ConfigDocument config = Report($"--config={file}", $"--config-dir={_files["conf.d"]}", "--max-pods=30", "--eviction-hard=nodefs.available<7%", "--data-dir=/d");

        Assert.Equal(("30", "flag", "--max-pods"), Of(config, "maxPods"));
        Assert.Equal(("1m0s", "file", $"{file}:4"), Of(config, "syncFrequency"));
        Assert.Equal(("20s", "default", ""), Of(config, "fileCheckFrequency"));
        Assert.Equal(("/pods", "file", $"{file}:6"), Of(config, "staticPodPath"));
        Assert.Equal(("7", "drop-in", $"{dropIn}:3"), Of(config, "containerLogMaxFiles"));
        Assert.Equal(("false", "drop-in", $"{dropIn}:4"), Of(config, "serializeImagePulls"));
        Assert.Equal(("7%", "flag", "--eviction-hard"), Of(config, "evictionHard.nodefs.available"));
        Assert.Equal(("/d", "flag", "--data-dir"), Of(config, "--data-dir"));
        Assert.Equal(("runc", "default", ""), Of(config, "--runtime"));
        Assert.DoesNotContain("secret", JsonSerializer.Serialize(config, LocalJson.Default.ConfigDocument), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_file_the_table_the_warnings_and_a_file_that_says_the_same()
    {
        await using FakeNode node = new();
        string file = Write("config.yaml", "maxPods: 20\nmaxPodz: 3\n");
        VerbRun table = await VerbRun.Of(node, "config", "--config", file, "--changed");
        Assert.Matches($@"^NAME +VALUE +FROM\nmaxPods +20 +{file}:3\n--config ", table.Out);
        Assert.Contains("maxPodz", table.Error, StringComparison.Ordinal);

        VerbRun whole = await VerbRun.Of(node, "config", "--config", file, "-o", "file");
        string again = _files["again.yaml"];
        await File.WriteAllTextAsync(again, whole.Out, TestContext.Current.CancellationToken);
        Assert.Equal(
            Report($"--config={file}").Configuration.ToString(), Report($"--config={again}").Configuration.ToString());

        VerbRun wrong = await VerbRun.Of(node, "config", "--", "--max-pods=-1");
        Assert.Equal(1, wrong.Code);
        Assert.Contains("the agent would not start", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_running_agents_is_shown_where_nothing_is_given()
    {
        await using FakeNode node = new FakeNode { Config = JsonSerializer.Serialize(Report("--max-pods=7"), LocalJson.Default.ConfigDocument) }.Start();
        Assert.Matches(@"\nmaxPods +7 +--max-pods\n", (await VerbRun.Of(node, "config")).Out);

        await using FakeNode none = new();
        VerbRun absent = await VerbRun.Of(none, "config");
        Assert.Equal(1, absent.Code);
        Assert.Contains("--config FILE", absent.Error, StringComparison.Ordinal);
    }

    private static ConfigDocument Report(params string[] flags) => ConfigReport.Of(OptionsResolver.Resolve(FlagParser.Parse(flags)));

    private static (string, string, string) Of(ConfigDocument config, string name)
    {
        ConfigFieldDocument field = config.Fields.Single(f => f.Name == name);
        return (field.Value, field.Origin, field.Where);
    }

    private string Write(string name, string fields)
    {
        string path = _files[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + fields);
        return path;
    }
}
