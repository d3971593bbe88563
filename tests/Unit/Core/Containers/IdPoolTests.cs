using System.Text;
using NativeKubelet.Core.Containers.Users;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class IdPoolTests
{
    private static readonly IdPool Pool = IdPool.Standard(65536);

    [Fact]
    public void The_lowest_free_piece_is_given_and_the_hosts_own_ids_never()
    {
        Assert.Equal(new IdRange(65536, 65536), Pool.Next([]));
        Assert.Equal(new IdRange(131072, 65536), Pool.Next([new(65536, 65536), new(196608, 65536)]));
        Assert.Equal(new IdRange(262144, 65536), Pool.Next([new(65536, 196608)]));
        Assert.Equal(65535ul, Pool.Pieces);
    }

    [Fact]
    public void When_all_are_taken_there_is_none() =>
        Assert.Null(new IdPool(65536, 65536, 131072).Next([new(70000, 1)]));

    [Fact]
    public void A_range_is_read_back_as_it_was_written()
    {
        IdRange range = new(131072, 65536);

        Assert.Equal(range, IdRange.TryParse(range.ToJson()));
        Assert.Equal("""{"uidMappings":[{"hostId":131072,"containerId":0,"length":65536}],"gidMappings":[{"hostId":131072,"containerId":0,"length":65536}]}""", Encoding.UTF8.GetString(range.ToJson()));
        Assert.Equal("0 131072 65536\n", range.Map);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"uidMappings":[{"hostId":0,"containerId":0,"length":65536}],"gidMappings":[{"hostId":0,"containerId":0,"length":65536}]}""")]
    [InlineData("""{"uidMappings":[{"hostId":65536,"containerId":0,"length":65536}],"gidMappings":[{"hostId":131072,"containerId":0,"length":65536}]}""")]
    [InlineData("""{"uidMappings":[{"hostId":65536,"containerId":1,"length":65536}],"gidMappings":[{"hostId":65536,"containerId":1,"length":65536}]}""")]
    [InlineData("""{"uidMappings":[{"hostId":4294967295,"containerId":0,"length":65536}],"gidMappings":[{"hostId":4294967295,"containerId":0,"length":65536}]}""")]
    public void What_gives_a_pod_other_users_ids_is_no_range(string json) => Assert.Null(IdRange.TryParse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void The_range_of_the_user_kubelet_is_taken_as_it_is() =>
        Assert.Equal(new IdPool(65536, 65536, 65536 + 7208960), IdPool.OfSubordinates("0: kubelet 65536 7208960\n", "0: kubelet 65536 7208960\n", 65536));

    [Theory]
    [InlineData("", "")]
    [InlineData("0: kubelet 65536 65536\n1: kubelet 262144 65536\n", "0: kubelet 65536 65536\n")]
    [InlineData("0: kubelet 65536 65536\n", "0: kubelet 131072 65536\n")]
    [InlineData("0: kubelet 100000 65536\n", "0: kubelet 100000 65536\n")]
    [InlineData("0: kubelet 65536 1000\n", "0: kubelet 65536 1000\n")]
    [InlineData("0: kubelet 0 65536\n", "0: kubelet 0 65536\n")]
    [InlineData("nonsense\n", "nonsense\n")]
    public void A_range_that_cannot_be_cut_into_pieces_is_refused(string users, string groups) =>
        Assert.Throws<FormatException>(() => IdPool.OfSubordinates(users, groups, 65536));
}
