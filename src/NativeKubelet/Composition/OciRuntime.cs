using System.Collections.Immutable;
using System.Text;
using NativeKubelet.Cli.Doctor;
using NativeKubelet.Config;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Composition;

/// <summary>Finds the program that starts containers, and asks it what it is.</summary>
internal static class OciRuntime
{
    private const int LongestAnswer = 4096;

    /// <summary>The first program of a boot is read from a slow disk while everything else starts too: seconds, not milliseconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Those that pods name by runtimeClassName.</summary>
    /// <exception cref="ConfigException">A name that no pod could use, or a program that is not there.</exception>
    public static ImmutableDictionary<string, RuncCommand> Handlers(KubeletOptions options, bool systemdCgroup)
    {
        if (options.Pods.Handlers.Keys.FirstOrDefault(name => NameRules.Label(name) is not null) is { } bad)
            throw new ConfigException($"--runtime-handler {bad}: {NameRules.Label(bad)}");
        return options.Pods.Handlers.ToImmutableDictionary(
            h => h.Key, h => new RuncCommand(Find(h.Value), Path.Combine(options.Paths.Run, "runtimes", h.Key), systemdCgroup));
    }

    /// <param name="runtime">--runtime: a name or a path.</param>
    /// <exception cref="ConfigException">There is none.</exception>
    public static string Find(string runtime) => ProgramPath.Find(runtime) ?? throw new ConfigException(runtime.Contains('/')
        ? $"--runtime {runtime}: no such file; name an OCI runtime such as /usr/sbin/runc"
        : $"--runtime {runtime}: not found in PATH; install it (the package is usually called {runtime}), or name another by --runtime");

    /// <summary>Runs it with --version. What keeps it from answering is part of the sight.</summary>
    public static async Task<OciRuntimeSight> AskAsync(string runtime, CancellationToken cancel)
    {
        string path;
        try { path = Find(runtime); }
        catch (ConfigException e) { return new(null, null, e.Message); }
        try
        {
            ToolResult told = await ToolRun.RunAsync(new(path, [path, "--version"]), default, LongestAnswer, Patience, cancel);
            return told.TimedOut ? new(path, null, $"does not answer to --version within {Patience.TotalSeconds:0} s")
                : told.Exit.Success ? new(path, Encoding.UTF8.GetString(told.Output), null)
                : new(path, null, $"--version ended with {told.Exit}");
        }
        catch (ErrnoException e)
        {
            return new(path, null, e.Message);
        }
    }
}
