using NativeKubelet.Cli.Install;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>uninstall</c>: takes away what <c>install</c> put in place; pods and their data stay unless it is asked for.</summary>
internal sealed class UninstallVerb(CliConsole console)
{
    private const string Data = "/var/lib/nativekubelet", State = "/run/nativekubelet", Volumes = "/var/lib/kubelet/pods";

    public VerbSpec Spec => new(
        "uninstall", "", "stops the service and takes the program away; pods' data stay unless --purge is given",
        [
            new("purge", '\0', null, "remove images, volumes and records too; only once no pod runs any more"),
            InstallVerb.Root,
            InstallVerb.Init,
        ],
        RunAsync);

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        using InstallRoot root = InstallVerb.Open(call);
        InitSystem init = InstallVerb.InitOf(call, root);
        int running = root.IsMachine ? Sandboxes() : 0;
        if (call.Has("purge") && running > 0)
            throw new VerbException($"{running} pods run; nothing was changed: take their manifests away and wait until 'nativekubelet ps' shows none, then uninstall");
        bool mine = root.Exists(init == InitSystem.Systemd ? "/usr/lib/systemd/system/kubelet.service.d/20-nativekubelet.conf" : Installation.InitScript);
        if (root.IsMachine && mine) await Service.RunAsync(init, "stop", cancel);
        InstallVerb.Guarded(() =>
        {
            new Installer(root, Say).Uninstall([.. Installation.Of(init, standalone: true, root)]);
            if (!call.Has("purge")) return;
            foreach (string directory in (ReadOnlySpan<string>)[Data, State, Volumes])
                if (root.RemoveTree(directory)) Say($"removed    {directory}");
        });
        if (root.IsMachine && init == InitSystem.Systemd) await Service.ReloadAsync(cancel);
        if (running > 0) Say($"{running} pods run on, and a later installation takes them over");
        if (!call.Has("purge") && root.Exists(Data)) Say($"kept       {Data}: images and records; 'uninstall --purge' removes them");
        console.Out.Flush();
        return 0;
    }

    private static int Sandboxes()
    {
        string records = Path.Combine(State, "sandboxes");
        return Directory.Exists(records) ? Directory.GetFileSystemEntries(records).Length : 0;
    }

    private void Say(string line) => console.Out.WriteLine(CliConsole.Clean(line));
}
