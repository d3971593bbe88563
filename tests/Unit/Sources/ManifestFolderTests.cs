using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Sources;

public sealed class ManifestFolderTests : IDisposable
{
    private readonly Folder _folder = new();

    [Fact]
    public void Files_are_listed_by_name_one_level_deep_without_dotfiles_and_editors_leftovers()
    {
        _folder.Write("b", Folder.Pod("b"));
        _folder.Write("a.yaml", Folder.Pod("a"));
        _folder.Write("c.json", """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c"},"spec":{"containers":[{"name":"c","image":"i"}]}}""");
        foreach (string name in (string[])[".hidden.yaml", "a.yaml~", "#a.yaml#", ".a.yaml.swp"]) _folder.Write(name, Folder.Pod("no"));
        Directory.CreateDirectory(_folder["sub"]);
        File.WriteAllText(Path.Combine(_folder["sub"], "d.yaml"), Folder.Pod("d"));

        Assert.True(_folder.Scan());

        Assert.Equal("a-n b-n c-n", _folder.Names);
        Assert.Empty(_folder.Manifests.Problems);
        Assert.False(_folder.Scan());
    }

    [Fact]
    public void One_bad_file_disturbs_no_other()
    {
        _folder.Write("a.yaml", Folder.Pod("a"));
        _folder.Write("b.yaml", "{{{");

        _folder.Scan();

        Assert.Equal("a-n", _folder.Names);
        ManifestProblem problem = Assert.Single(_folder.Manifests.Problems);
        Assert.Equal((_folder["b.yaml"], ProblemSeverity.Error, false), (problem.Origin, problem.Severity, problem.StandIn));
    }

    [Theory]
    [InlineData("")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - na")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i, ports: [{containerPort: 70000}]}]}")]
    public void A_file_that_turns_invalid_keeps_its_pod_until_it_is_valid_again(string broken)
    {
        _folder.Write("a.yaml", Folder.Pod("a", "one"));
        _folder.Scan();
        string uid = _folder.Manifests.Pods.Single().Metadata.Uid;
        _folder.Write("a.yaml", broken);

        Assert.True(_folder.Scan());

        Assert.Equal(uid, _folder.Manifests.Pods.Single().Metadata.Uid);
        Assert.All(_folder.Manifests.Problems, p => Assert.True(p.StandIn));
        Assert.False(_folder.Scan());
        _folder.Write("a.yaml", Folder.Pod("a", "two"));
        _folder.Scan();
        Assert.Equal("two", _folder.Images);
        Assert.Empty(_folder.Manifests.Problems);
    }

    [Fact]
    public void The_last_valid_content_stands_in_after_a_restart_too_with_the_same_uid()
    {
        _folder.Write("a.yaml", Folder.Pod("a", "one"));
        _folder.Scan();
        string uid = _folder.Manifests.Pods.Single().Metadata.Uid;
        _folder.Write("a.yaml", "broken: [");

        _folder.Restart();
        _folder.Scan();

        Assert.Equal(uid, _folder.Manifests.Pods.Single().Metadata.Uid);
        Assert.True(_folder.Manifests.Problems.Single().StandIn);
        Assert.Equal("one", _folder.Images);
    }

    [Fact]
    public void A_deleted_file_takes_its_pod_and_its_kept_content_along()
    {
        _folder.Write("a.yaml", Folder.Pod("a"));
        _folder.Scan();
        File.Delete(_folder["a.yaml"]);

        Assert.True(_folder.Scan());

        Assert.Empty(_folder.Manifests.Pods);
        Assert.Empty(Directory.EnumerateFiles(_folder.Data));
    }

    [Fact]
    public void Content_is_kept_for_the_owner_alone_and_written_only_on_change()
    {
        _folder.Write("a.yaml", Folder.Pod("a"));
        _folder.Scan();
        string kept = Assert.Single(Directory.EnumerateFiles(_folder.Data));
        DateTime written = File.GetLastWriteTimeUtc(kept);

        _folder.Restart();
        _folder.Scan();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kept));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder.Data));
        Assert.Equal(written, File.GetLastWriteTimeUtc(kept));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(60)]
    public void Kept_content_that_was_damaged_is_set_aside_and_never_used(int at)
    {
        _folder.Write("a.yaml", Folder.Pod("a"));
        _folder.Scan();
        string kept = Directory.EnumerateFiles(_folder.Data).Single();
        byte[] bytes = File.ReadAllBytes(kept);
        bytes[at] ^= 1;
        File.WriteAllBytes(kept, bytes);
        _folder.Write("a.yaml", "broken: [");

        _folder.Restart();
        _folder.Scan();

        Assert.Empty(_folder.Manifests.Pods);
        Assert.False(File.Exists(kept));
    }

    [Fact]
    public void A_name_that_is_being_written_keeps_what_it_said()
    {
        _folder.Write("a.yaml", Folder.Pod("a", "one"));
        _folder.Scan();
        _folder.Write("a.yaml", Folder.Pod("a", "two"));

        Assert.False(_folder.Scan("a.yaml"));
        Assert.Equal("one", _folder.Images);
        File.Delete(_folder["a.yaml"]);
        Assert.False(_folder.Scan("a.yaml"));
        Assert.Equal("a-n", _folder.Names);
    }

    [Fact]
    public void Links_are_followed_and_named_as_listed()
    {
        string elsewhere = Path.Combine(_folder.Path, "..", "real.yaml");
        File.WriteAllText(elsewhere, Folder.Pod("a"));
        File.CreateSymbolicLink(_folder["a.yaml"], elsewhere);
        _folder.Scan();
        string uid = _folder.Manifests.Pods.Single().Metadata.Uid;

        File.Delete(_folder["a.yaml"]);
        _folder.Write("a.yaml", Folder.Pod("a"));

        Assert.False(_folder.Scan());
        Assert.Equal(uid, _folder.Manifests.Pods.Single().Metadata.Uid);
        File.Delete(_folder["a.yaml"]);
        File.CreateSymbolicLink(_folder["a.yaml"], "nothing");
        _folder.Scan();
        Assert.True(!_folder.Manifests.Problems.Any(), string.Join("\n", _folder.Manifests.Problems));
        Assert.Empty(_folder.Manifests.Pods);
    }

    [Fact]
    public void A_file_over_ten_mebibytes_is_refused_and_an_older_pod_stays()
    {
        _folder.Write("a.yaml", Folder.Pod("a"));
        _folder.Scan();
        _folder.Write("a.yaml", Folder.Pod("a") + new string('#', 10 << 20));

        _folder.Scan();

        Assert.Equal("a-n", _folder.Names);
        Assert.Contains("larger than", _folder.Manifests.Problems.Single().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_regular_file_is_skipped_without_blocking()
    {
        using System.Net.Sockets.Socket socket = new(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(_folder["socket"]));
        File.CreateSymbolicLink(_folder["zero"], "/dev/zero");
        _folder.Write("a.yaml", Folder.Pod("a"));

        _folder.Scan();

        Assert.Equal("a-n", _folder.Names);
        Assert.Equal(2, _folder.Manifests.Problems.Count());
    }

    [Fact]
    public void A_path_that_is_missing_is_an_empty_set_and_comes_to_life_later()
    {
        Directory.Delete(_folder.Path);
        _folder.Scan();
        Assert.Empty(_folder.Manifests.Problems);

        Directory.CreateDirectory(_folder.Path);
        _folder.Write("a.yaml", Folder.Pod("a"));

        Assert.True(_folder.Scan());
    }

    [Fact]
    public void A_single_file_is_a_source_of_its_own()
    {
        _folder.Write("one.yaml", Folder.Pod("a") + "---\n" + Folder.Pod("b"));
        _folder.Write("other.yaml", Folder.Pod("no"));
        _folder.Restart(_folder["one.yaml"]);

        _folder.Scan();

        Assert.Equal("a-n b-n", _folder.Names);
        Assert.False(_folder.Manifests.RefreshName("other.yaml"));
        _folder.Write("one.yaml", "{");
        Assert.True(_folder.Manifests.RefreshName("one.yaml"));
        Assert.Equal("a-n b-n", _folder.Names);
    }

    [Fact]
    public void Looking_at_a_name_again_finds_what_became_of_it()
    {
        _folder.Write("a.yaml", Folder.Pod("a", "one"));

        Assert.True(_folder.Manifests.RefreshName("a.yaml"));
        Assert.False(_folder.Manifests.RefreshName("a.yaml"));
        _folder.Write("a.yaml", Folder.Pod("a", "two"));
        Assert.True(_folder.Manifests.RefreshName("a.yaml"));
        File.Delete(_folder["a.yaml"]);
        Assert.True(_folder.Manifests.RefreshName("a.yaml"));
        Assert.False(_folder.Manifests.RefreshName("a.yaml"));
        Assert.False(_folder.Manifests.RefreshName(".hidden"));
    }

    public void Dispose() => _folder.Dispose();
}
