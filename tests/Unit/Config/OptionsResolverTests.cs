using System.Runtime.CompilerServices;
using NativeKubelet.Config;

namespace NativeKubelet.Tests.Unit.Config;

public sealed class OptionsResolverTests : IDisposable
{
    private const string Header = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    private readonly string _directory = Directory.CreateTempSubdirectory("nk-config-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_files_of_an_existing_node_start_it_unchanged()
    {
        string samples = Samples();
        string[] words = File.ReadAllText(Path.Combine(samples, "kubeadm-flags.env")).Trim().Split('"')[1].Split(' ');
        ParsedFlags flags = FlagParser.Parse(["--pod-manifest-path=/etc/kubernetes/kubelet.d", $"--config={samples}/config.yaml", .. words]);

        KubeletOptions options = OptionsResolver.Resolve(flags);

        Assert.Equal(
            [
                $"Flag --pod-manifest-path has been deprecated, {KubeletFlags.UseConfigFile}",
                "Flag --network-plugin has been deprecated, will be removed along with dockershim.",
                "Flag --pod-infra-container-image has been deprecated, will be removed along with dockershim.",
            ], flags.Deprecations);
        Assert.Equal("/etc/kubernetes/kubelet.d", options.Sources.ManifestPath);
        Assert.Equal(CgroupDriver.Systemd, options.Cgroups.Driver);
        Assert.Equal("10.96.0.10", options.Network.ClusterDns.Single().ToString());
        Assert.Equal(10248, options.Server.HealthzPort);
        Assert.Equal(TimeSpan.FromSeconds(20), options.Sources.FileCheck);
        Assert.Equal(TimeSpan.FromMinutes(1), options.Configuration.SyncFrequency);
        Assert.Equal("15%", options.Configuration.EvictionHard!["imagefs.available"]);
        Assert.Equal("registry.aliyuncs.com/google_containers/pause:3.5", options.Images.SandboxImage);
        Assert.True(options.Node.Standalone);
    }

    [Fact]
    public void Without_any_file_the_defaults_are_safe()
    {
        KubeletOptions options = Resolve();

        Assert.Null(options.Server.Port);
        Assert.Null(options.Server.ReadOnlyPort);
        Assert.Equal(10248, options.Server.HealthzPort);
        Assert.False(options.Cgroups.FailOnV1);
        Assert.Equal(300, options.Pods.MaxRestartBackOff.TotalSeconds);
        Assert.Equal(10 << 20, options.ContainerLogs.MaxBytes);
    }

    [Fact]
    public void Flags_beat_drop_ins_and_drop_ins_beat_the_file()
    {
        string file = Config("maxPods: 1\npodsPerCore: 1\nport: 1\nfeatureGates: {EventedPLEG: true, PodsAPI: true}\nclusterDNS: [10.0.0.1, 10.0.0.2]\nevictionHard: {memory.available: 1Gi}");
        DropIn("10-a.conf", "podsPerCore: 2\nport: 2\nclusterDNS: [10.0.0.3]");
        DropIn("20-b.conf", "port: 3\nevictionHard: {nodefs.available: 5%}");
        DropIn("30-c.yaml", "port: 4");

        KubeletOptions options = Resolve($"--config={file}", $"--config-dir={_directory}/conf.d", "--port", "0x10", "--feature-gates=EventedPLEG=false");

        Assert.Equal((1, 2, 16), (options.Configuration.MaxPods, options.Configuration.PodsPerCore, options.Configuration.Port));
        Assert.Equal("10.0.0.3", options.Network.ClusterDns.Single().ToString());
        Assert.Equal((false, true), (options.Gates["EventedPLEG"], options.Gates["PodsAPI"]));
        Assert.Equal(2, options.Configuration.EvictionHard!.Count);
    }

    [Theory]
    [InlineData("", "ExtendWebSocketsToKubelet InPlacePodLevelResourcesVerticalScaling InPlacePodVerticalScalingInitContainers RestartAllContainersOnContainerExits")]
    [InlineData("ExtendWebSocketsToKubelet=false,RestartAllContainersOnContainerExits=false", "InPlacePodLevelResourcesVerticalScaling InPlacePodVerticalScalingInitContainers")]
    [InlineData("NodeDeclaredFeatures=false", "")]
    public void A_node_declares_the_features_that_are_on(string gates, string declared) =>
        Assert.Equal(declared, string.Join(' ', Resolve($"--feature-gates={gates}").Gates.Declared));

    [Fact]
    public void Explicit_zeros_stay_only_where_zero_means_something()
    {
        KubeletOptions options = Resolve("--config=" + Config("healthzPort: 0\nnodeStatusMaxImages: 0\nregistryPullQPS: 0\nmaxPods: 0\nport: 0\nkubeAPIBurst: 0\nmaxOpenFiles: 0\nimageMaximumGCAge: 0s"));

        Assert.Null(options.Server.HealthzPort);
        Assert.Equal((0, 0), (options.Configuration.NodeStatusMaxImages, options.Configuration.RegistryPullQPS));
        Assert.Equal((110, 10250, 100, 1_000_000L), (options.Configuration.MaxPods, options.Configuration.Port, options.Configuration.KubeAPIBurst, options.Configuration.MaxOpenFiles));
    }

    [Fact]
    public void Unknown_and_repeated_fields_warn_with_their_line()
    {
        KubeletOptions options = Resolve("--config=" + Config("dynamicKubeletConfigDir: /x\nmaxpods: 3\nport: 1\nport: 2"));

        Assert.Contains(options.Warnings, w => w.Contains("line 3: unknown field \"dynamicKubeletConfigDir\"", StringComparison.Ordinal));
        Assert.Contains(options.Warnings, w => w.Contains("is \"maxPods\" meant?", StringComparison.Ordinal));
        Assert.Contains(options.Warnings, w => w.Contains("line 6: key \"port\" already set in map", StringComparison.Ordinal));
        Assert.Equal(2, options.Configuration.Port);
    }

    [Theory]
    [InlineData("port: many", "field port")]
    [InlineData("syncFrequency: 10", "field syncFrequency")]
    [InlineData("authentication: {anonymous: {enabled: 3}}", "field authentication.anonymous.enabled")]
    [InlineData("maxPods: [", "line 4")]
    public void A_value_of_the_wrong_type_ends_the_start_and_is_named(string text, string named)
    {
        string file = Config(text);

        string message = Assert.Throws<ConfigException>(() => Resolve("--config=" + file)).Message;

        Assert.Contains(named, message, StringComparison.Ordinal);
        Assert.Contains(file, message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_violations_are_told_together()
    {
        string message = Assert.Throws<ConfigException>(() => Resolve("--port=-1", "--cgroup-driver=x", "--feature-gates=Nonsense=true,NodeSwap=false", "--node-labels=node-role.kubernetes.io/worker=")).Message;

        Assert.StartsWith("failed to validate kubelet configuration, error: [", message, StringComparison.Ordinal);
        Assert.Contains("port (--port) -1", message, StringComparison.Ordinal);
        Assert.Contains("cgroupDriver (--cgroup-driver)", message, StringComparison.Ordinal);
        Assert.Contains("unrecognized feature gate: Nonsense", message, StringComparison.Ordinal);
        Assert.Contains("locked to true", message, StringComparison.Ordinal);
        Assert.Contains("[node-role.kubernetes.io/worker]", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--foo", "failed to parse kubelet flag: unknown flag: --foo")]
    [InlineData("-x", "unknown shorthand flag: 'x' in -x")]
    [InlineData("--port=ten", "invalid argument \"ten\" for \"--port\" flag")]
    [InlineData("--sync-frequency=10", "for \"--sync-frequency\" flag")]
    [InlineData("--eviction-hard=memory.available", "malformed pair, expect string<string")]
    [InlineData("--config", "flag needs an argument: --config")]
    [InlineData("false", "unknown command false")]
    public void A_bad_command_line_is_refused(string argument, string message) =>
        Assert.Contains(message, Assert.Throws<ConfigException>(() => FlagParser.Parse([argument])).Message, StringComparison.Ordinal);

    [Fact]
    public void Credentials_in_manifest_headers_are_never_shown() =>
        Assert.DoesNotContain("secret", Assert.Throws<ConfigException>(() => FlagParser.Parse(["--manifest-url-header=secret"])).Message, StringComparison.Ordinal);

    [Fact]
    public void Values_are_read_as_pflag_reads_them()
    {
        ParsedFlags flags = FlagParser.Parse(
            ["-v4", "--pod_manifest_path", "/a", "--cluster-dns=10.0.0.1", "--cluster-dns=10.0.0.2,10.0.0.3", "--fail-swap-on=F", "--take-over", "--manifest-url-header=a:x,a:y"]);

        KubeletOptions options = OptionsResolver.Resolve(flags);

        Assert.Equal(4, options.Logging.Verbosity);
        Assert.Equal(3, options.Network.ClusterDns.Count);
        Assert.Equal((false, true), (options.Pods.FailSwapOn, options.Start.TakeOver));
        Assert.Equal(["x", "y"], options.Sources.ManifestHeaders["a"]);
    }

    [Fact]
    public void The_log_shows_the_flags_that_were_given_and_no_credentials() => Assert.Equal(
        ["--config=\"/c\"", "--manifest-url-header=\"<masked>\"", "--port=\"1\"", "--anonymous-auth=\"false\""],
        FlagParser.Parse(["--anonymous-auth=false", "--config=/c", "--port=1", "--manifest-url-header=a:secret"]).Given.OrderBy(g => Array.IndexOf(["--config", "--manifest-url-header", "--port", "--anonymous-auth"], g.Split('=')[0])));

    [Fact]
    public void Every_flag_stands_once_in_the_table() => Assert.Equal(KubeletFlags.All.Count, KubeletFlags.All.Select(f => f.Name).Distinct().Count());

    private static KubeletOptions Resolve(params string[] arguments) => OptionsResolver.Resolve(FlagParser.Parse(arguments));

    private string Config(string text)
    {
        string file = Path.Combine(_directory, "config.yaml");
        File.WriteAllText(file, Header + text + "\n");
        return file;
    }

    private void DropIn(string name, string text) =>
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(_directory, "conf.d")).FullName, name), Header + text + "\n");

    private static string Samples([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../fixtures/samples"));
}
