using System.Collections;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Runtime.Network;

/// <summary>What all plugins of one network are told by their environment.</summary>
/// <param name="NamespacePath">Empty where it is gone.</param>
internal sealed record CniCall(string Command, string SandboxId, string NamespacePath, string Arguments);

/// <summary>Finds and runs plugin programs (CNI specification, "execution protocol").</summary>
internal sealed partial class CniPlugins(ImmutableArray<string> directories, NodeNamespace node, TimeSpan timeLimit, TimeProvider time, ILogger log)
{
    private const int BusyTries = 5;
    private static readonly TimeSpan BusyPause = TimeSpan.FromSeconds(1);

    // Ours alone: a plugin must not report to the service manager in our name, nor take a call for another one.
    private static readonly string[] Withheld = ["CNI_", "NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_"];

    private readonly ILogger _log = log;

    /// <returns>Null when no directory has it.</returns>
    public string? Find(string type) => directories.Select(d => Path.Combine(d, type)).FirstOrDefault(File.Exists);

    /// <returns>What it printed.</returns>
    /// <exception cref="CniAnswerException">It failed; the message holds its own words, not its name.</exception>
    public async Task<byte[]> RunAsync(string type, CniCall call, byte[] input, CancellationToken cancel)
    {
        string path = Find(type) ?? throw new CniAnswerException($"failed to find plugin \"{type}\" in path [{string.Join(' ', directories)}]");
        SpawnRequest request = new(path, [path]) { Environment = EnvironmentOf(call) };
        ToolResult result = await StartAsync(request, input, cancel);
        if (result.Error.Length > 0) PluginSaid(type, call.Command, call.SandboxId, CniAnswer.Excerpt(result.Error));
        if (result.TimedOut) throw new CniAnswerException($"did not answer within {timeLimit.TotalSeconds:0} s and was killed");
        if (!result.Exit.Success) throw new CniAnswerException(CniAnswer.Failure(result.Output, result.Error, result.Exit.ToString()));
        if (result.Truncated) throw new CniAnswerException($"printed more than {CniAnswer.MaxBytes} bytes");
        return result.Output;
    }

    private async Task<ToolResult> StartAsync(SpawnRequest request, byte[] input, CancellationToken cancel)
    {
        for (int tries = 1; ; tries++)
            try
            {
                // The child is in the namespace of the thread that starts it; the rest of the run needs no certain thread.
                return await node.Run(() => ToolRun.RunAsync(request, input, CniAnswer.MaxBytes, timeLimit, cancel));
            }
            catch (ErrnoException e) when (e.Errno == Errno.ETXTBSY && tries < BusyTries)
            {
                await Task.Delay(BusyPause, time, cancel);      // being installed right now
            }
            catch (ErrnoException e)
            {
                throw new CniAnswerException($"could not be started: {e.Message}");
            }
    }

    private ImmutableArray<string> EnvironmentOf(CniCall call)
    {
        ImmutableArray<string>.Builder all = ImmutableArray.CreateBuilder<string>();
        bool path = false;
        foreach (DictionaryEntry own in Environment.GetEnvironmentVariables())
        {
            string name = (string)own.Key;
            if (Withheld.Any(w => name.StartsWith(w, StringComparison.Ordinal))) continue;
            path |= name == "PATH";
            all.Add($"{name}={own.Value}");
        }
        if (!path) all.Add("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        all.AddRange(
            $"CNI_COMMAND={call.Command}", $"CNI_CONTAINERID={call.SandboxId}", $"CNI_NETNS={call.NamespacePath}",
            $"CNI_IFNAME={BridgeNetwork.PodInterface}", $"CNI_ARGS={call.Arguments}", $"CNI_PATH={string.Join(':', directories)}");
        return all.ToImmutable();
    }

    [LoggerMessage(LogLevel.Debug, "CniPluginSaid plugin={Plugin} command={Command} sandbox={SandboxId}: {Words}")]
    private partial void PluginSaid(string plugin, string command, string sandboxId, string words);
}
