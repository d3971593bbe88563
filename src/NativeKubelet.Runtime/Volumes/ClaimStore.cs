using System.Text;
using NativeKubelet.Core.Objects;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>
/// DATA/claims/NAMESPACE: a directory for each claim that the node serves itself, and a note of the volume for each that
/// another one serves. Nothing of it is ever removed by the agent: it is the pods' data, and only a person knows when it is done with.
/// </summary>
internal sealed class ClaimStore(RuntimePaths paths)
{
    private const string Note = ".bound-";      // names of claims begin with no dot
    private const uint Private = 0x1C0, Everybody = 0x1FF, OnlyOwner = 0x180;   // 0700, 0777, 0600
    private const int MostBytes = 4096;

    private string Root => Path.Combine(paths.Data, "claims");

    public string DirectoryOf(ObjectKey claim) => Path.Combine(Root, claim.Namespace, claim.Name);

    /// <returns>The volume's name; empty for a directory of the node's own; null where the claim was not served yet.</returns>
    /// <exception cref="IOException">The note cannot be read, so nothing can be said.</exception>
    public string? Kept(ObjectKey claim)
    {
        if (Directory.Exists(DirectoryOf(claim))) return "";
        string note = NoteOf(claim);
        return RegularFile.TryRead(note, MostBytes, out byte[] content) switch
        {
            RegularFileResult.Read => Encoding.UTF8.GetString(content),
            RegularFileResult.Missing => null,
            var other => throw new IOException($"{note} is {other}; it says which volume serves the claim"),
        };
    }

    /// <summary>Volumes that serve claims which are defined now.</summary>
    public HashSet<string> Taken(IEnumerable<ObjectKey> defined) => [.. defined.Select(Kept).Where(k => k is { Length: > 0 }).Select(k => k!)];

    public void Keep(ObjectKey claim, string volume)
    {
        using DirectoryHandle _ = OpenNamespace(claim);
        AtomicFile.Write(NoteOf(claim), Encoding.UTF8.GetBytes(volume), OnlyOwner);
    }

    /// <summary>Everybody may write to it; who may reach it is decided by who mounts it.</summary>
    public string MakeDirectory(ObjectKey claim)
    {
        using DirectoryHandle parent = OpenNamespace(claim);
        if (parent.TryStatus(claim.Name) is not { Kind: FileKind.Directory })
        {
            string unfinished = $".new-{claim.Name}";
            parent.RemoveTree(unfinished);
            parent.MakeDirectory(unfinished, Everybody);
            parent.SetMode(unfinished, Everybody);
            parent.Rename(unfinished, parent, claim.Name);
            parent.Sync();
        }
        return DirectoryOf(claim);
    }

    private string NoteOf(ObjectKey claim) => Path.Combine(Root, claim.Namespace, Note + claim.Name);

    private DirectoryHandle OpenNamespace(ObjectKey claim)
    {
        Directory.CreateDirectory(paths.Data);
        using DirectoryHandle data = DirectoryHandle.Open(paths.Data);
        if (data.TryMakeDirectory("claims", Private)) data.Sync();
        using DirectoryHandle claims = data.OpenDirectory("claims");
        if (claims.TryMakeDirectory(claim.Namespace, Private)) claims.Sync();
        return claims.OpenDirectory(claim.Namespace);
    }
}
