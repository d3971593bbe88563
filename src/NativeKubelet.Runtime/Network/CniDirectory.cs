using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Network;

/// <summary>What the configuration directory says at this moment.</summary>
/// <param name="Network">The first valid file's.</param>
/// <param name="Problem">There are files, and none is usable: pods wait rather than get a network nobody meant.</param>
internal sealed record CniChoice(CniNetworkConfig? Network, string? Problem);

/// <summary>Reads the configuration directory anew each time: files come and go while we run, and are few and small.</summary>
internal sealed partial class CniDirectory(string directory, ILogger log)
{
    private readonly ILogger _log = log;
    private string _told = "";

    public CniChoice Read()
    {
        if (directory.Length == 0) return new(null, null);
        List<(string Name, byte[] Content)> files = [];
        List<string> problems = [];
        try
        {
            foreach (string path in Directory.EnumerateFiles(directory).Where(CniSelection.IsConfig))
            {
                RegularFileResult result = RegularFile.TryRead(path, CniSelection.MaxBytes, out byte[] content);
                if (result == RegularFileResult.Read) files.Add((Path.GetFileName(path), content));
                else if (result != RegularFileResult.Missing) problems.Add($"{Path.GetFileName(path)}: is {(result == RegularFileResult.TooLarge ? "too large" : "no regular file")}");
            }
        }
        catch (DirectoryNotFoundException)
        {
            return new(null, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(null, $"cannot read {directory}: {e.Message}");
        }
        CniNetworkConfig? chosen = CniSelection.Choose(files, out ImmutableArray<string> invalid);
        problems.AddRange(invalid);
        Tell(problems);
        return new(chosen, chosen is null && problems.Count > 0 ? $"no valid networks found in {directory}: {string.Join("; ", problems)}" : null);
    }

    /// <summary>Once, not for every pod.</summary>
    private void Tell(List<string> problems)
    {
        string text = string.Join("; ", problems);
        if (Interlocked.Exchange(ref _told, text) != text && text.Length > 0) ConfigPassedOver(directory, text);
    }

    [LoggerMessage(LogLevel.Warning, "CniConfigPassedOver directory={Directory}: {Problems}")]
    private partial void ConfigPassedOver(string directory, string problems);
}
