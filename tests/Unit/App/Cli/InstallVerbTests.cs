using NativeKubelet.Cli.Install;
using NativeKubelet.Tests.Unit.App.Server.Local;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.App.Cli;

/// <summary>Into an image's root, as who builds an appliance does it.</summary>
public sealed class InstallVerbTests : IDisposable
{
    private readonly TemporaryDirectory _image = new();

    public void Dispose() => _image.Dispose();

    [Fact]
    public async Task A_systemd_image_gets_program_unit_and_drop_ins_and_starts_them_at_boot()
    {
        Put("usr/lib/systemd/systemd", "");
        VerbRun run = await InstallAsync();
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal("nativekubelet", new FileInfo(_image["usr/bin/kubelet"]).LinkTarget);
        Assert.Equal(new FileInfo(Environment.ProcessPath!).Length, new FileInfo(_image["usr/bin/nativekubelet"]).Length);
        Assert.True(File.GetUnixFileMode(_image["usr/bin/nativekubelet"]).HasFlag(UnixFileMode.OtherExecute));
        Assert.Equal("/usr/lib/systemd/system/kubelet.service", new FileInfo(_image["etc/systemd/system/multi-user.target.wants/kubelet.service"]).LinkTarget);
        Assert.Contains("Restart=always\nRestartSec=10\n", Text("usr/lib/systemd/system/kubelet.service"), StringComparison.Ordinal);
        string variables = Text("usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf");
        Assert.Contains("$KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS", variables, StringComparison.Ordinal);
        Assert.Contains("KUBELET_CONFIG_ARGS=--config=/etc/nativekubelet/config.yaml", variables, StringComparison.Ordinal);
        Assert.Contains("KillMode=process\nDelegate=yes\n", Text("usr/lib/systemd/system/kubelet.service.d/20-nativekubelet.conf"), StringComparison.Ordinal);
        Assert.True(Directory.Exists(_image["etc/kubernetes/manifests"]));

        Assert.DoesNotContain("installed", (await InstallAsync()).Out, StringComparison.Ordinal);
        Assert.Contains("--kubeconfig=/etc/kubernetes/kubelet.conf", await JoiningAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_without_systemd_gets_an_init_script_and_links_to_it()
    {
        Directory.CreateDirectory(_image["etc/rc2.d"]);
        Directory.CreateDirectory(_image["etc/rc6.d"]);
        Assert.Equal(0, (await InstallAsync()).Code);
        Assert.Equal("../init.d/kubelet", new FileInfo(_image["etc/rc2.d/S90kubelet"]).LinkTarget);
        Assert.Equal("../init.d/kubelet", new FileInfo(_image["etc/rc6.d/K01kubelet"]).LinkTarget);
        Assert.True(File.GetUnixFileMode(_image["etc/init.d/kubelet"]).HasFlag(UnixFileMode.UserExecute));
        Assert.False(Directory.Exists(_image["usr/lib/systemd"]));
    }

    [Fact]
    public async Task What_others_put_there_is_kept_and_what_cannot_work_with_it_changes_nothing()
    {
        Put("usr/lib/systemd/systemd", "");
        Put("usr/bin/kubelet", "another kubelet");
        VerbRun beside = await InstallAsync();
        Assert.Equal(0, beside.Code);
        Assert.Contains("kept       /usr/bin/kubelet: it is another program", beside.Out, StringComparison.Ordinal);
        Assert.Equal("another kubelet", Text("usr/bin/kubelet"));

        using TemporaryDirectory node = new();
        Put("usr/lib/systemd/systemd", "", node);
        Put("usr/bin/kubelet", "another kubelet", node);
        Put("lib/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet\n", node);
        VerbRun refused = await RunAsync(node, "install");
        Assert.Equal(1, refused.Code);
        Assert.Contains("mv /usr/bin/kubelet", refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(node["usr/bin/nativekubelet"]));

        File.Delete(node["usr/bin/kubelet"]);
        Assert.Contains("kept       /lib/systemd/system/kubelet.service", (await RunAsync(node, "install")).Out, StringComparison.Ordinal);
        Assert.Equal("nativekubelet", new FileInfo(node["usr/bin/kubelet"]).LinkTarget);
        Assert.Equal("/lib/systemd/system/kubelet.service", new FileInfo(node["etc/systemd/system/multi-user.target.wants/kubelet.service"]).LinkTarget);
        Assert.True(File.Exists(node["usr/lib/systemd/system/kubelet.service.d/20-nativekubelet.conf"]));
    }

    [Fact]
    public async Task A_link_in_the_image_leads_nowhere_out_of_it()
    {
        using TemporaryDirectory outside = new();
        Directory.CreateDirectory(_image["data"]);
        File.CreateSymbolicLink(_image["etc"], "/data");
        File.CreateSymbolicLink(_image["usr"], outside.Path);      // an absolute link: inside the image there is no such place
        VerbRun run = await InstallAsync();
        Assert.Equal(1, run.Code);
        Assert.Empty(Directory.GetFileSystemEntries(outside.Path));
        File.Delete(_image["usr"]);
        Assert.Equal(0, (await InstallAsync()).Code);
        Assert.True(File.Exists(_image["data/nativekubelet/config.yaml"]));
    }

    [Fact]
    public async Task Uninstalling_takes_away_what_was_installed_and_nothing_else()
    {
        Put("usr/lib/systemd/systemd", "");
        Put("etc/kubernetes/manifests/web.yaml", "kind: Pod");
        Put("var/lib/nativekubelet/images/x", "");
        string[] before = Everything();
        await InstallAsync();
        VerbRun run = await RunAsync(_image, "uninstall");
        Assert.Equal(0, run.Code);
        Assert.Equal(before, Everything());
        Assert.Contains("--purge", run.Out, StringComparison.Ordinal);

        await InstallAsync();
        File.AppendAllText(_image["etc/nativekubelet/config.yaml"], "maxPods: 3\n");
        run = await RunAsync(_image, "uninstall", "--purge");
        Assert.Contains("kept       /etc/nativekubelet/config.yaml: it is yours", run.Out, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_image["var/lib/nativekubelet"]));
        Assert.True(File.Exists(_image["etc/kubernetes/manifests/web.yaml"]));
    }

    [Fact]
    public void Every_file_says_who_made_it() =>
        Assert.All([ServiceFiles.Unit, ServiceFiles.Settings, ServiceFiles.Joining, ServiceFiles.Standalone, ServiceFiles.InitScript(true)], text => Assert.Contains(ServiceFiles.Marker, text, StringComparison.Ordinal));

    private Task<VerbRun> InstallAsync(params string[] more) => RunAsync(_image, ["install", .. more]);

    private async Task<string> JoiningAsync()
    {
        await InstallAsync("--kubeadm");
        return Text("usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf");
    }

    private static async Task<VerbRun> RunAsync(TemporaryDirectory image, params string[] words)
    {
        await using FakeNode node = new();
        return await VerbRun.Of(node, [words[0], "--root", image.Path, .. words[1..]]);
    }

    private string[] Everything() => [.. Directory.GetFiles(_image.Path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private string Text(string name) => File.ReadAllText(_image[name]);

    private void Put(string name, string content, TemporaryDirectory? image = null)
    {
        string path = (image ?? _image)[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }
}
