using System.Collections.Immutable;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Sources;

/// <summary>
/// Reads inotify's events as what a person or an editor is doing: which names are complete and to be looked at now, which
/// are being written or replaced and get a moment to be finished. Knows no file system and no clock.
/// </summary>
internal sealed class UnsettledFiles
{
    /// <summary>How long a file that is open for writing, or was moved aside by an editor, may keep us waiting.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    /// <summary>Not in the store's vocabulary of whole files: somebody is writing and has not closed.</summary>
    public const FileEvents Modified = (FileEvents)0x2;

    private readonly Dictionary<string, long> _since = [];

    public IReadOnlySet<string> Names => _since.Keys.ToImmutableHashSet();

    /// <summary>The oldest wait's begin; null when nothing is waited for.</summary>
    public long? Oldest => _since.Count == 0 ? null : _since.Values.Min();

    /// <param name="now">A monotonic timestamp.</param>
    /// <param name="isLink">Whether a new entry is a symbolic link: nobody writes and closes one.</param>
    /// <returns>Names to look at now; all is true when the whole directory must be listed.</returns>
    public (List<string> Look, bool All) Read(IReadOnlyList<FileEvent> events, long now, Func<string, bool> isLink)
    {
        List<string> look = [];
        bool all = false;
        for (int i = 0; i < events.Count; i++)
        {
            (_, FileEvents what, uint cookie, string name) = events[i];
            if ((what & (FileEvents.Overflow | FileEvents.DeletedSelf | FileEvents.MovedSelf | FileEvents.Unmounted | FileEvents.Ended)) != 0)
            {
                all = true;
            }
            else if (name.StartsWith("..", StringComparison.Ordinal))
            {
                // ..data of a symlink farm was swapped: every link in the directory means something else now.
                all |= (what & (FileEvents.MovedTo | FileEvents.Created)) != 0;
            }
            else if (!ManifestFolder.IsManifestName(name))
            {
                continue;
            }
            else if ((what & FileEvents.MovedFrom) != 0)
            {
                // Moved aside to foo~ or .foo: an editor saves and puts a new one in its place; anything else took the file away.
                bool aside = i + 1 < events.Count && events[i + 1] is var next && (next.Events & FileEvents.MovedTo) != 0
                    && next.Cookie == cookie && !ManifestFolder.IsManifestName(next.Name);
                if (aside) _since[name] = now;
                else Settle(name);
            }
            else if ((what & (FileEvents.ClosedAfterWrite | FileEvents.MovedTo | FileEvents.Deleted)) != 0)
            {
                Settle(name);
            }
            else if ((what & Modified) != 0)
            {
                _since.TryAdd(name, now);
                look.Remove(name);
            }
            else if ((what & FileEvents.Created) != 0)
            {
                if (isLink(name)) Settle(name);
                else _since.TryAdd(name, now);
            }
            else if (!_since.ContainsKey(name))
            {
                Settle(name); // mode or owner changed: it may be readable now
            }
        }
        return (look, all);

        void Settle(string name)
        {
            _since.Remove(name);
            if (!look.Contains(name)) look.Add(name);
        }
    }

    /// <summary>Names that have been waited for long enough.</summary>
    public List<string> Due(long now, Func<long, long, TimeSpan> elapsed)
    {
        List<string> due = [.. _since.Where(pair => elapsed(pair.Value, now) >= Patience).Select(pair => pair.Key)];
        foreach (string name in due) _since.Remove(name);
        return due;
    }
}
