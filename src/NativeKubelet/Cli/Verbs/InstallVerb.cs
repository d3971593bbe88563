using System.Text;
using NativeKubelet.Cli.Install;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>install</c>: the program, its service and what they need, on this machine or into an image's root.</summary>
internal sealed class InstallVerb(CliConsole console)
{
    public static OptionSpec Root { get; } = new("root", '\0', "DIR", "the root of an image that is being made (default: this machine)") { Kind = WordKind.Directory };

    public static OptionSpec Init { get; } = new("init", '\0', "KIND", "systemd or script (default: systemd where it is)") { Choices = ["systemd", "script"] };

    public VerbSpec Spec => new(
        "install", "", "puts the program and its service in place; nothing of others is replaced",
        [
            new("kubeadm", '\0', null, "for a node that joins a cluster: configuration and credentials where kubeadm writes them"),
            new("start", '\0', null, "start the service, or restart it with the new program"),
            Root,
            Init,
        ],
        RunAsync);

    /// <exception cref="VerbException">Not root.</exception>
    public static InstallRoot Open(VerbCall call)
    {
        if (!call.Operands.IsEmpty) throw new UsageException(call.Verb, $"unexpected word \"{call.Operands[0]}\"");
        string root = call.Get("root", "/");
        if (root == "/" && !Environment.IsPrivilegedProcess) throw new VerbException("the service belongs to root; start this with sudo, or name an image's root by --root");
        return InstallRoot.Open(root);
    }

    public static InitSystem InitOf(VerbCall call, InstallRoot root) => call.TryGet("init") switch
    {
        "systemd" => InitSystem.Systemd,
        "script" => InitSystem.Script,
        _ => Installation.InitOf(root),
    };

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        using InstallRoot root = Open(call);
        if (call.Has("start") && !root.IsMachine) throw new UsageException(call.Verb, "--start is for this machine, not for an image");
        InitSystem init = InitOf(call, root);
        bool standalone = !call.Has("kubeadm");
        Guarded(() => new Installer(root, Say).Install([.. Installation.Of(init, standalone, root)], Environment.ProcessPath!));
        if (root.IsMachine && init == InitSystem.Systemd) await Service.ReloadAsync(cancel);
        if (call.Has("start"))
        {
            await Service.RunAsync(init, "restart", cancel);
            Say("started");
        }
        else if (root.IsMachine) Say($"start it: {(init == InitSystem.Systemd ? "systemctl start kubelet" : $"{Installation.InitScript} start")}");
        if (standalone) Say($"pods are started from manifests in {ServiceFiles.ManifestDirectory}");
        console.Out.Flush();
        return 0;
    }

    private void Say(string line) => console.Out.WriteLine(CliConsole.Clean(line));

    /// <summary>A system call's error as a verb's.</summary>
    public static void Guarded(Action work)
    {
        try
        {
            work();
        }
        catch (ErrnoException e)
        {
            throw new VerbException(e.Errno == Errno.EROFS ? $"{e.Message}; make it writable for the installation, or install into the image by --root where it is made" : e.Message);
        }
    }
}

/// <summary>The machine's service manager.</summary>
internal static class Service
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    public static Task ReloadAsync(CancellationToken cancel) => File.Exists("/usr/bin/systemctl") ? CallAsync(["/usr/bin/systemctl", "daemon-reload"], cancel) : Task.CompletedTask;

    /// <param name="action">start, stop or restart.</param>
    public static Task RunAsync(InitSystem init, string action, CancellationToken cancel) =>
        CallAsync(init == InitSystem.Systemd ? ["/usr/bin/systemctl", action, "kubelet.service"] : ["/bin/sh", Installation.InitScript, action], cancel);

    private static async Task CallAsync(string[] words, CancellationToken cancel)
    {
        ToolResult told;
        try
        {
            told = await ToolRun.RunAsync(new(words[0], [.. words]), default, outputLimit: 64 * 1024, Patience, cancel);
        }
        catch (ErrnoException e)
        {
            throw new VerbException($"{string.Join(' ', words)}: {e.Message}");
        }
        if (told.TimedOut || !told.Exit.Success)
            throw new VerbException($"{string.Join(' ', words)} {(told.TimedOut ? $"did not end within {Patience.TotalMinutes:0} minutes" : $"ended with {told.Exit}")}: {Encoding.UTF8.GetString(told.Error).Trim()}");
    }
}
